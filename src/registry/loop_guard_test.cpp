#include "registry/loop_guard.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

http::Fields with(std::string_view value) {
    http::Fields fields;
    fields.add("cdn-loop", value);
    return fields;
}

TEST(LoopGuard, SignsWhatItSends) {
    const LoopGuard guard{"longshore-a"};

    EXPECT_EQ(guard.cdn_loop(guard.passed({}).value()), "longshore-a");
    EXPECT_EQ(guard.cdn_loop(guard.passed(with("longshore-b, longshore-c;x=1")).value()),
              "longshore-b, longshore-c, longshore-a");
}

TEST(LoopGuard, KnowsItselfAndNobodyElse) {
    const LoopGuard guard{"longshore-a"};

    EXPECT_EQ(guard.passed(with("longshore-a")).error().status, 508);
    EXPECT_EQ(guard.passed(with("other, longshore-b,longshore-a ;x=\"y\"")).error().status, 508);
    EXPECT_TRUE(guard.passed(with("longshore-aa, longshore")));
    EXPECT_TRUE(LoopGuard{}.passed(with(LoopGuard{}.cdn_loop({}))));
}

TEST(LoopGuard, KeepsOtherCachesToItself) {
    const LoopGuard guard{"longshore-a"};

    EXPECT_EQ(guard.passed(with("cloudflare; loops=1, longshore-b, fastly")).value(), "longshore-b");
}

TEST(LoopGuard, EndsChainsThatNobodyMeans) {
    const LoopGuard guard{"longshore-a"};
    std::string chain = "longshore-0";
    for (std::size_t i = 1; i < LoopGuard::k_most_mirrors; ++i) chain += ", longshore-" + std::to_string(i);

    EXPECT_TRUE(guard.passed(with(chain)));
    EXPECT_EQ(guard.passed(with(chain + ", longshore-x")).error().status, 508);
}

TEST(LoopGuard, RefusesAFieldThatCannotBeRead) {
    EXPECT_EQ(LoopGuard{"longshore-a"}.passed(with("longshore-b;")).error().status, 400);
    EXPECT_EQ(LoopGuard{"longshore-a"}.passed(with(std::string(5000, 'a'))).error().status, 400);
}

}  // namespace
}  // namespace longshore::registry

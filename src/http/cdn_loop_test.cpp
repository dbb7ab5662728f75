#include "http/cdn_loop.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

using Ids = std::vector<std::string_view>;

TEST(CdnLoop, GivesTheIdsInOrder) {
    EXPECT_EQ(parse_cdn_loop("").value(), Ids{});
    EXPECT_EQ(parse_cdn_loop("foo123.foocdn.example, barcdn.example; trace=\"abcdef\"").value(),
              (Ids{"foo123.foocdn.example", "barcdn.example"}));
    EXPECT_EQ(parse_cdn_loop("AnotherCDN; abc=123; def=\"456\"").value(), Ids{"AnotherCDN"});
    EXPECT_EQ(parse_cdn_loop("a:80 ;x=\"1,\\\"2;\" ,,[::1]:443").value(), (Ids{"a:80", "[::1]:443"}));
}

TEST(CdnLoop, RefusesWhatIsNotInTheGrammar) {
    for (const auto* value :
         {";", "a b", "a;", "a;b", "a;b=", "a;=c", "a;b=\"c", "a;b=\"c\\\"", "a/b", "\"a\"", "a\x01"}) {
        EXPECT_EQ(parse_cdn_loop(value).error().code, Errc::invalid) << value;
    }
}

TEST(CdnLoop, HasBounds) {
    EXPECT_EQ(parse_cdn_loop(std::string(k_longest_cdn_loop + 1, 'a')).error().code, Errc::too_large);
    std::string many = "a";
    for (std::size_t i = 0; i < k_most_cdn_ids; ++i) many.append(",a");
    EXPECT_EQ(parse_cdn_loop(many).error().code, Errc::too_large);
}

}  // namespace
}  // namespace longshore::http

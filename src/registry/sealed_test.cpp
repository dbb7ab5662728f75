#include "registry/sealed.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

TEST(Seal, GivesBackTheLineAndWhatStandsBehind) {
    const auto text = seal("hello") + "bytes\n\n";

    const auto opened = unseal(text);

    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->line, "hello");
    EXPECT_EQ(opened->rest, "bytes\n\n");
}

TEST(Seal, IsBrokenByEveryFlippedBit) {
    const auto text = seal("hello");
    for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
        auto rotten = text;
        rotten[bit / 8] = static_cast<char>(rotten[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_FALSE(unseal(rotten)) << bit;
    }
}

TEST(Seal, IsBrokenByEveryCut) {
    const auto text = seal("hello");
    for (std::size_t size = 0; size < text.size(); ++size) {
        EXPECT_EQ(unseal(text.substr(0, size)).error().code, Errc::corrupt) << size;
        EXPECT_FALSE(unseal(text.substr(0, size) + std::string(text.size() - size, '\0'))) << size;
    }
}

}  // namespace
}  // namespace longshore::registry

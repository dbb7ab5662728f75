#include "http/websocket_frames.hpp"

#include <gtest/gtest.h>

#include <string>

namespace longshore::http {
namespace {

using namespace std::string_literals;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

// A frame of each length form, masked and not.
std::string frame(std::uint8_t opcode, std::size_t size, bool masked) {
    std::string made{static_cast<char>(0x80U | opcode)};
    const auto mark = static_cast<unsigned>(masked ? 0x80 : 0);
    if (size < 126) {
        made += static_cast<char>(mark | size);
    } else if (size < 65536) {
        made += static_cast<char>(mark | 126U);
        made += static_cast<char>(size >> 8U);
        made += static_cast<char>(size & 255U);
    } else {
        made += static_cast<char>(mark | 127U);
        for (int shift = 56; shift >= 0; shift -= 8) made += static_cast<char>(size >> static_cast<unsigned>(shift));
    }
    if (masked) made += "mask";
    return made + std::string(size, 'x');
}

TEST(WebSocketFrames, FindTheEndOfEveryFormOfLength) {
    for (const std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U, 70000U}) {
        for (const bool masked : {false, true}) {
            WebSocketFrames frames;
            const auto one = frame(2, size, masked);

            const auto used = frames.follow(bytes_of(one + frame(1, 5, masked)));

            EXPECT_EQ(used, one.size()) << size;
            EXPECT_TRUE(frames.at_border());
        }
    }
}

TEST(WebSocketFrames, KnowTheirPlaceWhenBytesComeOneByOne) {
    WebSocketFrames frames;
    const auto one = frame(2, 300, true);

    for (std::size_t at = 0; at < one.size(); ++at) {
        EXPECT_EQ(frames.follow(bytes_of(one.substr(at, 1))), 1U);
        EXPECT_EQ(frames.at_border(), at + 1 == one.size()) << at;
    }
}

TEST(WebSocketFrames, SeeACloseOnlyWhenAllOfItHasPassed) {
    WebSocketFrames frames;
    const auto close = frame(8, 2, true);

    frames.follow(bytes_of(close.substr(0, close.size() - 1)));
    EXPECT_FALSE(frames.closed());
    frames.follow(bytes_of(close.substr(close.size() - 1)));
    EXPECT_TRUE(frames.closed());
}

TEST(WebSocketFrames, ReadOurOwnGoodbye) {
    WebSocketFrames frames;

    EXPECT_EQ(frames.follow(k_going_away), k_going_away.size());
    EXPECT_TRUE(frames.closed());
}

}  // namespace
}  // namespace longshore::http

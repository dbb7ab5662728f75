#include "http/h2/frame_heads.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace longshore::http::h2 {
namespace {

using namespace std::string_literals;

std::vector<std::size_t> lengths(std::size_t preface, std::string_view text, std::size_t piece) {
    FrameHeads heads{preface};
    std::vector<std::size_t> found;
    for (std::size_t from = 0; from < text.size(); from += piece) {
        auto bytes = std::as_bytes(std::span{text.substr(from, piece)});
        while (const auto head = heads.next(bytes)) found.push_back(head->length);
        EXPECT_TRUE(bytes.empty());
    }
    return found;
}

const std::string k_frames = "preface"s + "\0\0\3\0\1\0\0\0\1abc"s + "\0\0\0\6\0\0\0\0\0"s + "\0\1\0\1\4\0\0\0\3"s +
                             std::string(256, 'x') + "\0\0\2\x77\0\0\0\0\0no"s;

TEST(FrameHeads, AreFoundHoweverTheBytesAreCut) {
    for (const std::size_t piece : {1, 2, 7, 9, 10, 64, 1000}) {
        EXPECT_EQ(lengths(7, k_frames, piece), (std::vector<std::size_t>{3, 0, 256, 2})) << piece;
    }
}

TEST(FrameHeads, TellTypeAndFlags) {
    FrameHeads heads{0};
    const auto text = "\0\0\3\x77\x25\0\0\0\1"s;
    auto bytes = std::as_bytes(std::span{text});

    const auto head = heads.next(bytes);

    EXPECT_TRUE(head && head->type == 0x77 && head->flags == 0x25);
}

TEST(FrameHeads, WaitForTheRestOfAHead) { EXPECT_TRUE(lengths(0, "\0\0\3\0\1\0\0\0"s, 3).empty()); }

}  // namespace
}  // namespace longshore::http::h2

#include "http/range.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

using Kind = RangeSelection::Kind;

std::string text_of(const RangeSelection& selection) {
    if (selection.kind == Kind::whole) return "whole";
    if (selection.kind == Kind::unsatisfiable) return "416";
    std::string text;
    for (const ByteRange& part : selection.parts) {
        text += (text.empty() ? "" : ",") + std::to_string(part.first) + "-" + std::to_string(part.last);
    }
    return text;
}

struct Case {
    std::string_view range;
    std::uint64_t size;
    std::string_view expected;
};

TEST(Range, SelectsPartsOfARepresentation) {
    const Case cases[] = {
        {"bytes=0-0", 100, "0-0"},
        {"bytes=0-99", 100, "0-99"},
        {"bytes=0-", 100, "0-99"},
        {"bytes=99-", 100, "99-99"},
        {"bytes=-1", 100, "99-99"},
        {"bytes=-100", 100, "0-99"},
        {"bytes=-500", 100, "0-99"},
        {"bytes=90-500", 100, "90-99"},
        {"Bytes=1-2", 100, "1-2"},
        {"bytes=1-2, 5-6 ,\t-1", 100, "1-2,5-6,99-99"},
        {"bytes=,1-2,,", 100, "1-2"},
        {"bytes=1-2,200-300", 100, "1-2"},
        {"bytes=50-60,0-10", 100, "50-60,0-10"},
        {"bytes=0-99999999999999999999999", 100, "0-99"},
        {"bytes=-99999999999999999999999", 100, "0-99"},
        {"bytes=18446744073709551614-18446744073709551614", UINT64_MAX, "18446744073709551614-18446744073709551614"},
    };
    for (const Case& c : cases) EXPECT_EQ(text_of(select_ranges(c.range, c.size)), c.expected) << c.range;
}

TEST(Range, IsUnsatisfiableOutsideTheRepresentation) {
    const Case cases[] = {
        {"bytes=100-", 100, "416"},     {"bytes=100-200", 100, "416"},
        {"bytes=-0", 100, "416"},       {"bytes=0-", 0, "416"},
        {"bytes=-5", 0, "416"},         {"bytes=200-,300-400", 100, "416"},
        {"bytes=500-0", 1000, "416"},   {"bytes=0-1,500-0", 1000, "416"},
        {"bytes=500-499", 1000, "416"}, {"bytes=99999999999999999999999-", 100, "416"},
    };
    for (const Case& c : cases) EXPECT_EQ(text_of(select_ranges(c.range, c.size)), c.expected) << c.range;
}

TEST(Range, IsIgnoredWhenItIsNotWellFormed) {
    for (const std::string_view range :
         {"", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=1", "bytes=1-2-3", "bytes=+1-2",
          "bytes=1 -2", "bytes=1- 2", "bytes 1-2", "bytes =1-2", "lines=1-2", "bytes=0x1-2", "bytes=1-2;3-4",
          "bytes=--1", "bytes=1.5-2"}) {
        EXPECT_EQ(select_ranges(range, 100).kind, Kind::whole) << range;
    }
}

TEST(Range, GivesTheWholeWhenThePartsAreLargerThanIt) {
    EXPECT_EQ(select_ranges("bytes=0-,0-,0-", 100).kind, Kind::whole);
    EXPECT_EQ(select_ranges("bytes=0-50,50-99", 100).kind, Kind::whole);
    EXPECT_EQ(select_ranges("bytes=0-49,50-99", 100).kind, Kind::parts);
    EXPECT_EQ(select_ranges("bytes=0-,0-", UINT64_MAX).kind, Kind::whole);
}

TEST(Range, BoundsTheNumberOfParts) {
    std::string range = "bytes=0-0";
    for (std::size_t i = 1; i < k_max_ranges; ++i) range += "," + std::to_string(i * 2) + "-" + std::to_string(i * 2);

    EXPECT_EQ(select_ranges(range, 100'000).parts.size(), k_max_ranges);
    EXPECT_EQ(select_ranges(range + ",1-1", 100'000).kind, Kind::whole);
}

TEST(ContentRange, IsWrittenAndReadBack) {
    EXPECT_EQ(content_range({0, 9}, 100), "bytes 0-9/100");
    EXPECT_EQ(unsatisfied_content_range(100), "bytes */100");

    const auto part = parse_content_range("bytes 0-9/100");
    ASSERT_TRUE(part);
    EXPECT_EQ(part->range, (ByteRange{0, 9}));
    EXPECT_EQ(part->size, 100u);
    EXPECT_EQ(part->range->size(), 10u);
}

TEST(ContentRange, MayLeaveTheSizeOrTheRangeOpen) {
    EXPECT_EQ(parse_content_range("bytes 5-9/*")->size, std::nullopt);
    EXPECT_EQ(parse_content_range("bytes */7")->range, std::nullopt);
    EXPECT_EQ(parse_content_range("bytes */7")->size, 7u);
}

TEST(ContentRange, RefusesEverythingElse) {
    for (const std::string_view text :
         {"", "bytes", "bytes ", "bytes */*", "bytes 0-9", "bytes 0-9/", "bytes 9-0/100", "bytes 0-100/100",
          "bytes  0-9/100", "bytes 0 -9/100", "bytes 0-9/100 ", "bytes=0-9/100", "lines 0-9/100", "bytes -9/100",
          "bytes 0-/100", "bytes +0-9/100", "bytes 0-9/99999999999999999999999", "bytes 0-18446744073709551615/*"}) {
        EXPECT_FALSE(parse_content_range(text)) << text;
    }
}

TEST(IfRange, ComparesStrongTagsOnly) {
    EXPECT_TRUE(if_range_matches("\"sha256:ab\"", "\"sha256:ab\""));
    EXPECT_FALSE(if_range_matches("\"sha256:ab\"", "\"sha256:cd\""));
    EXPECT_FALSE(if_range_matches("W/\"a\"", "W/\"a\""));
    EXPECT_FALSE(if_range_matches("W/\"a\"", "\"a\""));
    EXPECT_FALSE(if_range_matches("\"a\"", "W/\"a\""));
    EXPECT_FALSE(if_range_matches("a", "a"));
    EXPECT_FALSE(if_range_matches("", ""));
    EXPECT_FALSE(if_range_matches("\"", "\""));
    EXPECT_FALSE(if_range_matches("Sun, 06 Nov 1994 08:49:37 GMT", "\"a\""));
}

}  // namespace
}  // namespace longshore::http

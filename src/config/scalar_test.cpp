#include "config/scalar.hpp"

#include <gtest/gtest.h>

namespace longshore::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

constexpr Range<microseconds> k_any_duration{0us, microseconds::max()};
constexpr Range<std::uint64_t> k_any_size{0, UINT64_MAX};

TEST(Scalar, ReadsDurationsWithUnits) {
    EXPECT_EQ(*parse_duration("500ms", k_any_duration), 500ms);
    EXPECT_EQ(*parse_duration("60s", k_any_duration), 60s);
    EXPECT_EQ(*parse_duration("1h", k_any_duration), 1h);
    EXPECT_EQ(*parse_duration("1m30s", k_any_duration), 90s);
    EXPECT_EQ(*parse_duration("2d", k_any_duration), 48h);
    EXPECT_EQ(*parse_duration("7us", k_any_duration), 7us);
    EXPECT_EQ(*parse_duration("0", k_any_duration), 0s);
}

TEST(Scalar, RefusesDurationsThatCouldMeanSomethingElse) {
    for (const auto* text :
         {"", "s", "60 seconds", "1.5s", "-1s", "+1s", "1s1m", "1s1s", "0x10s", "1m30", "1S", " 1s", "1s "}) {
        EXPECT_FALSE(parse_duration(text, k_any_duration)) << text;
    }
}

TEST(Scalar, SaysThatADurationHasNoUnit) {
    EXPECT_EQ(parse_duration("60", k_any_duration).error().text, "has no unit");
    EXPECT_NE(parse_duration("60", k_any_duration).error().fix.find("60s"), std::string::npos);
}

TEST(Scalar, SaysWhatBoundsADuration) {
    const Range<microseconds> range{1s, 1h};

    EXPECT_EQ(parse_duration("999ms", range).error().fix, "the least is 1s");
    EXPECT_EQ(parse_duration("3601s", range).error().fix, "the most is 1h");
    EXPECT_EQ(parse_duration("99999999999999999d", range).error().fix, "the most is 1h");
    EXPECT_EQ(parse_duration("9223372036854775808us", range).error().fix, "the most is 1h");
    EXPECT_EQ(parse_duration("9000000000000000000us300000000000000000us", range).has_value(), false);
}

TEST(Scalar, ReadsSizesInBothSystems) {
    EXPECT_EQ(*parse_size("64MiB", k_any_size), 64ULL << 20);
    EXPECT_EQ(*parse_size("64 MiB", k_any_size), 64ULL << 20);
    EXPECT_EQ(*parse_size("1GB", k_any_size), 1'000'000'000ULL);
    EXPECT_EQ(*parse_size("10kB", k_any_size), 10'000ULL);
    EXPECT_EQ(*parse_size("512", k_any_size), 512ULL);
    EXPECT_EQ(*parse_size("512B", k_any_size), 512ULL);
}

TEST(Scalar, RefusesSizesThatCouldMeanSomethingElse) {
    for (const auto* text : {"", "MiB", "64M", "64mb", "1.5GiB", "-1", "64  MiB", "64MiB ", "0x40"}) {
        EXPECT_FALSE(parse_size(text, k_any_size)) << text;
    }
    EXPECT_EQ(parse_size("99999999999999TiB", {0, 1024}).error().fix, "the most is 1KiB");
}

TEST(Scalar, PrintsWhatItReadsBack) {
    for (const auto value : {0us, 1us, 1500us, 60'000'000us, 90'000'000us, 3'600'000'000us, microseconds{48h}}) {
        EXPECT_EQ(*parse_duration(print_duration(value), k_any_duration), value);
    }
    for (const std::uint64_t value : std::array<std::uint64_t, 7>{0, 1, 1000, 1024, 64 << 20, 3ULL << 50, UINT64_MAX}) {
        EXPECT_EQ(*parse_size(print_size(value), k_any_size), value);
    }
    EXPECT_EQ(print_duration(90s), "90s");
    EXPECT_EQ(print_size(64ULL << 20), "64MiB");
}

TEST(Scalar, KeepsNumbersWithinBounds) {
    EXPECT_EQ(*parse_number("-3", {-5, 5}), -3);
    EXPECT_EQ(parse_number("6", {-5, 5}).error().fix, "the most is 5");
    EXPECT_EQ(parse_number("-6", {-5, 5}).error().fix, "the least is -5");
    EXPECT_EQ(parse_number("99999999999999999999", {-5, 5}).error().fix, "the most is 5");
    EXPECT_EQ(parse_number("-99999999999999999999", {-5, 5}).error().fix, "the least is -5");
    for (const auto* text : {"", "4.0", "four", "4 ", "0x4", "+4"}) EXPECT_FALSE(parse_number(text, {-5, 5})) << text;
}

TEST(Scalar, AcceptsOnlyTrueAndFalseAsSwitch) {
    EXPECT_TRUE(*parse_switch("true"));
    EXPECT_FALSE(*parse_switch("false"));
    for (const auto* text : {"yes", "on", "1", "True", "", "~"}) EXPECT_FALSE(parse_switch(text)) << text;
}

}  // namespace
}  // namespace longshore::config

#include "http/date.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

using std::chrono::seconds;

WallTime at(std::int64_t seconds_since_epoch) { return WallTime{seconds{seconds_since_epoch}}; }

constexpr std::int64_t k_example = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
const WallTime k_now = at(1'700'000'000);      // November 2023

TEST(Date, IsWrittenAsFixdate) {
    EXPECT_EQ(format_date(at(k_example)), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(format_date(at(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(format_date(at(951'782'400)), "Tue, 29 Feb 2000 00:00:00 GMT");
    EXPECT_EQ(format_date(at(-1)), "Wed, 31 Dec 1969 23:59:59 GMT");
    EXPECT_EQ(format_date(at(k_example) + std::chrono::milliseconds(999)), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(Date, IsReadInAllThreeForms) {
    EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT", k_now), at(k_example));
    EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT", k_now), at(k_example));
    EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994", k_now), at(k_example));
    EXPECT_EQ(parse_date("Wed Nov 16 08:49:37 1994", k_now), at(k_example + 10 * 86'400));
}

TEST(Date, ReadsBackWhatItWrites) {
    for (std::int64_t second = -5'000'000'000; second < 9'000'000'000; second += 86'399 * 97) {
        EXPECT_EQ(parse_date(format_date(at(second)), k_now), at(second));
    }
}

TEST(Date, TakesTwoDigitYearsFromTheFiftyYearsAroundNow) {
    EXPECT_EQ(format_date(*parse_date("Friday, 01-Jan-73 00:00:00 GMT", k_now)).substr(12, 4), "2073");
    EXPECT_EQ(format_date(*parse_date("Friday, 01-Jan-74 00:00:00 GMT", k_now)).substr(12, 4), "1974");
    EXPECT_EQ(format_date(*parse_date("Friday, 01-Jan-99 00:00:00 GMT", at(4'070'908'800))).substr(12, 4), "2099");
    EXPECT_EQ(format_date(*parse_date("Friday, 01-Jan-02 00:00:00 GMT", at(4'070'908'800))).substr(12, 4), "2102");
}

TEST(Date, RefusesWhatIsNoDate) {
    for (const std::string_view text : {"",
                                        "0",
                                        "Sun, 06 Nov 1994 08:49:37",
                                        "Sun, 06 Nov 1994 08:49:37 GMT ",
                                        " Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 08:49:37 UTC",
                                        "Sun, 6 Nov 1994 08:49:37 GMT",
                                        "sun, 06 nov 1994 08:49:37 gmt",
                                        "Sun, 31 Feb 1994 08:49:37 GMT",
                                        "Sun, 29 Feb 1995 08:49:37 GMT",
                                        "Sun, 00 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 24:00:00 GMT",
                                        "Sun, 06 Nov 1994 08:60:37 GMT",
                                        "Sun, 06 Nov 1994 08:49:61 GMT",
                                        "Sun, 06-Nov-94 08:49:37 GMT",
                                        "Sunday, 06 Nov 1994 08:49:37 GMT",
                                        "Sun Nov 6 08:49:37 1994",
                                        "Sun Nov  16 08:49:37 1994",
                                        "Xyz, 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 9999 08:49:37 GMT",
                                        "Sun, 06 Nov 0000 08:49:37 GMT"}) {
        EXPECT_EQ(parse_date(text, k_now), std::nullopt) << text;
    }
}

TEST(Date, ReadsLeapSeconds) { EXPECT_EQ(parse_date("Sat, 31 Dec 2016 23:59:60 GMT", k_now), at(1'483'228'800)); }

}  // namespace
}  // namespace longshore::http

#include "http/date.hpp"

#include "http/characters.hpp"

#include <array>
#include <chrono>
#include <cstdint>

namespace longshore::http {
namespace {

constexpr std::array<std::string_view, 7> k_days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> k_long_days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                      "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> k_months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void put_number(char* at, unsigned value, int digits) {
    for (int i = digits - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

// Reads a date from the left; after the first mismatch everything is a mismatch.
class Cursor {
public:
    explicit Cursor(std::string_view text) : rest_(text) {}

    void literal(std::string_view expected) {
        if (rest_.starts_with(expected)) {
            rest_.remove_prefix(expected.size());
        } else {
            failed_ = true;
        }
    }
    unsigned number(std::size_t digits) {
        unsigned value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (rest_.empty() || !is_digit(rest_.front())) return fail();
            value = value * 10 + static_cast<unsigned>(rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return value;
    }
    template <std::size_t N>
    unsigned one_of(const std::array<std::string_view, N>& words) {
        for (unsigned i = 0; i < N; ++i) {
            if (!rest_.starts_with(words[i])) continue;
            rest_.remove_prefix(words[i].size());
            return i;
        }
        return fail();
    }
    [[nodiscard]] bool sees(std::string_view text) const { return rest_.starts_with(text); }
    [[nodiscard]] bool complete() const { return !failed_ && rest_.empty(); }

private:
    unsigned fail() {
        failed_ = true;
        return 0;
    }

    std::string_view rest_;
    bool failed_ = false;
};

struct Parts {
    unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

void read_time(Cursor& cursor, Parts& parts) {
    parts.hour = cursor.number(2);
    cursor.literal(":");
    parts.minute = cursor.number(2);
    cursor.literal(":");
    parts.second = cursor.number(2);
}

// "06 Nov 1994" or "06-Nov-94", then the time and GMT.
void read_day_first(Cursor& cursor, Parts& parts, std::string_view between, std::size_t year_digits) {
    parts.day = cursor.number(2);
    cursor.literal(between);
    parts.month = cursor.one_of(k_months);
    cursor.literal(between);
    parts.year = cursor.number(year_digits);
    cursor.literal(" ");
    read_time(cursor, parts);
    cursor.literal(" GMT");
}

bool read_fixdate(std::string_view text, Parts& parts) {
    Cursor cursor{text};
    (void)cursor.one_of(k_days);
    cursor.literal(", ");
    read_day_first(cursor, parts, " ", 4);
    return cursor.complete();
}

bool read_rfc850(std::string_view text, Parts& parts) {
    Cursor cursor{text};
    (void)cursor.one_of(k_long_days);
    cursor.literal(", ");
    read_day_first(cursor, parts, "-", 2);
    return cursor.complete();
}

bool read_asctime(std::string_view text, Parts& parts) {
    Cursor cursor{text};
    (void)cursor.one_of(k_days);
    cursor.literal(" ");
    parts.month = cursor.one_of(k_months);
    cursor.literal(" ");
    const bool padded = cursor.sees(" ");
    if (padded) cursor.literal(" ");
    parts.day = cursor.number(padded ? 1 : 2);
    cursor.literal(" ");
    read_time(cursor, parts);
    cursor.literal(" ");
    parts.year = cursor.number(4);
    return cursor.complete();
}

std::optional<WallTime> to_time(const Parts& parts) {
    using namespace std::chrono;
    const year_month_day date{year{static_cast<int>(parts.year)}, month{parts.month + 1}, day{parts.day}};
    if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return std::nullopt;
    const auto time = hours{parts.hour} + minutes{parts.minute} + seconds{parts.second};
    const auto point = sys_days{date}.time_since_epoch() + time;
    // The clock counts nanoseconds: it ends in 1677 and 2262.
    if (point > duration_cast<seconds>(WallTime::max().time_since_epoch()) ||
        point < duration_cast<seconds>(WallTime::min().time_since_epoch())) {
        return std::nullopt;
    }
    return WallTime{duration_cast<WallTime::duration>(point)};
}

unsigned full_year(unsigned two_digits, WallTime now) {
    const auto today = std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(now)};
    const int this_year = static_cast<int>(today.year());
    int year = this_year - this_year % 100 + static_cast<int>(two_digits);
    if (year < this_year - 50) year += 100;
    if (year > this_year + 50) year -= 100;
    return static_cast<unsigned>(year);
}

}  // namespace

std::string format_date(WallTime time) {
    using namespace std::chrono;
    const auto second = floor<seconds>(time);
    const auto day = floor<days>(second);
    const year_month_day date{day};
    const hh_mm_ss clock{second - day};
    std::string text = "Sun, 06 Nov 1994 08:49:37 GMT";
    text.replace(0, 3, k_days[weekday{day}.c_encoding()]);
    put_number(&text[5], static_cast<unsigned>(date.day()), 2);
    text.replace(8, 3, k_months[static_cast<unsigned>(date.month()) - 1]);
    put_number(&text[12], static_cast<unsigned>(static_cast<int>(date.year())), 4);
    put_number(&text[17], static_cast<unsigned>(clock.hours().count()), 2);
    put_number(&text[20], static_cast<unsigned>(clock.minutes().count()), 2);
    put_number(&text[23], static_cast<unsigned>(clock.seconds().count()), 2);
    return text;
}

std::optional<WallTime> parse_date(std::string_view text, WallTime now) {
    Parts parts;
    if (read_fixdate(text, parts) || read_asctime(text, parts)) return to_time(parts);
    if (!read_rfc850(text, parts)) return std::nullopt;
    parts.year = full_year(parts.year, now);
    return to_time(parts);
}

}  // namespace longshore::http

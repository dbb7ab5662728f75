#include "config/scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace longshore::config {

namespace {

using std::chrono::microseconds;

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::uint64_t k_kib = 1024;
constexpr std::array k_size_units{
    Unit{"B", 1},
    Unit{"", 1},
    Unit{"KiB", k_kib},
    Unit{"MiB", k_kib* k_kib},
    Unit{"GiB", k_kib* k_kib* k_kib},
    Unit{"TiB", k_kib* k_kib* k_kib* k_kib},
    Unit{"kB", 1000},
    Unit{"KB", 1000},
    Unit{"MB", 1'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"TB", 1'000'000'000'000},
};

constexpr std::array k_duration_units{
    Unit{"d", 86'400'000'000}, Unit{"h", 3'600'000'000}, Unit{"m", 60'000'000},
    Unit{"s", 1'000'000},      Unit{"ms", 1000},         Unit{"us", 1},
};

constexpr std::string_view k_size_fix = "write a whole number with a unit, such as 512KiB, 64MiB or 1GiB";
constexpr std::string_view k_duration_fix = "write whole numbers with a unit, such as 500ms, 60s or 1h";

// Digits at the front of `text`, which loses them. Nothing when there are none or too many.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

std::string_view take_letters(std::string_view& text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto count = static_cast<std::size_t>(std::ranges::find_if_not(text, is_letter) - text.begin());
    const auto letters = text.substr(0, count);
    text.remove_prefix(count);
    return letters;
}

std::optional<std::uint64_t> times(std::uint64_t number, std::uint64_t factor) {
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(number, factor, &product)) return std::nullopt;
    return product;
}

template <class T, class Print>
Parsed<T> within(T value, Range<T> range, Print print) {
    if (value < range.min) return Fault{"is too small", "the least is " + print(range.min)};
    if (value > range.max) return Fault{"is too large", "the most is " + print(range.max)};
    return value;
}

}  // namespace

Parsed<bool> parse_switch(std::string_view text) {
    if (text == "true") return true;
    if (text == "false") return false;
    return Fault{"is neither true nor false", "write true or false"};
}

Parsed<std::int64_t> parse_number(std::string_view text, Range<std::int64_t> range) {
    std::int64_t value = 0;
    const auto* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    if (error == std::errc::invalid_argument || end != last) {
        return Fault{"is not a whole number",
                     "write a number from " + std::to_string(range.min) + " to " + std::to_string(range.max)};
    }
    if (error == std::errc::result_out_of_range) {
        using Limits = std::numeric_limits<std::int64_t>;
        value = text.starts_with('-') ? Limits::min() : Limits::max();
    }
    return within(value, range, [](std::int64_t n) { return std::to_string(n); });
}

Parsed<std::uint64_t> parse_size(std::string_view text, Range<std::uint64_t> range) {
    const auto number = take_number(text);
    if (!number) return Fault{"is not a size", std::string{k_size_fix}};
    if (text.starts_with(' ')) text.remove_prefix(1);
    const auto unit = std::ranges::find(k_size_units, text, &Unit::name);
    if (unit == k_size_units.end()) return Fault{"is not a size", std::string{k_size_fix}};
    const auto bytes = times(*number, unit->factor);
    if (!bytes) return Fault{"is too large", "the most is " + print_size(range.max)};
    return within(*bytes, range, print_size);
}

std::string print_size(std::uint64_t bytes) {
    static constexpr std::array<std::string_view, 5> k_names{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t power = 0;
    while (bytes != 0 && bytes % k_kib == 0 && power + 1 < k_names.size()) {
        bytes /= k_kib;
        ++power;
    }
    return std::to_string(bytes).append(bytes == 0 ? "" : k_names[power]);
}

Parsed<microseconds> parse_duration(std::string_view text, Range<microseconds> range) {
    const auto malformed = [](std::string why) { return Fault{std::move(why), std::string{k_duration_fix}}; };
    const auto too_large = [&] { return Fault{"is too large", "the most is " + print_duration(range.max)}; };
    if (text.empty()) return malformed("is not a duration");
    std::uint64_t total = 0;
    std::uint64_t last_factor = std::numeric_limits<std::uint64_t>::max();
    while (!text.empty()) {
        const auto number = take_number(text);
        if (!number) return malformed("is not a duration");
        if (text.starts_with(' ')) text.remove_prefix(1);
        const auto name = take_letters(text);
        if (name.empty() && text.empty() && (*number != 0 || total != 0)) return malformed("has no unit");
        if (name.empty() && text.empty()) break;
        const auto unit = std::ranges::find(k_duration_units, name, &Unit::name);
        if (unit == k_duration_units.end() || unit->factor >= last_factor) return malformed("is not a duration");
        last_factor = unit->factor;
        const auto part = times(*number, unit->factor);
        if (!part || __builtin_add_overflow(total, *part, &total)) return too_large();
        if (total > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return too_large();
    }
    return within(microseconds{static_cast<std::int64_t>(total)}, range, print_duration);
}

std::string print_duration(microseconds duration) {
    const auto count = static_cast<std::uint64_t>(duration.count());
    if (count == 0) return "0s";
    const auto exact = [&](const Unit& unit) { return count % unit.factor == 0; };
    const auto& unit = *std::ranges::find_if(k_duration_units, exact);
    return std::to_string(count / unit.factor).append(unit.name);
}

}  // namespace longshore::config

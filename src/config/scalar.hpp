// Single values as people write them: "true", "42", "64MiB", "1m30s".
//
// Parsing yields the value or the Fault that a message completes; printing yields the shortest exact spelling, which
// parses back to the same value. Pure.
#pragma once

#include "config/mistake.hpp"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace longshore::config {

template <class T>
using Parsed = boost::system::result<T, Fault>;

template <class T>
struct Range {
    T min;
    T max;
};

[[nodiscard]] Parsed<bool> parse_switch(std::string_view text);

[[nodiscard]] Parsed<std::int64_t> parse_number(std::string_view text, Range<std::int64_t> range);

// Bytes: a whole number with B, KiB, MiB, GiB, TiB (powers of 1024) or kB, KB, MB, GB, TB (powers of 1000), or none.
[[nodiscard]] Parsed<std::uint64_t> parse_size(std::string_view text, Range<std::uint64_t> range);
[[nodiscard]] std::string print_size(std::uint64_t bytes);

// Whole numbers with us, ms, s, m, h or d, largest first: "90s", "1m30s". Only 0 needs no unit.
[[nodiscard]] Parsed<std::chrono::microseconds> parse_duration(std::string_view text,
                                                               Range<std::chrono::microseconds> range);
[[nodiscard]] std::string print_duration(std::chrono::microseconds duration);

}  // namespace longshore::config

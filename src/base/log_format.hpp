// Log lines as bytes: text for people, JSON for collectors.
//
//     2026-11-21T01:02:03.456Z info listening address=127.0.0.1:5000 role=mirror
//     {"time":"2026-11-21T01:02:03.456Z","level":"info","event":"listening","address":"127.0.0.1:5000"}
//
// Every line ends with its only newline. A text value stands bare when it is visible ASCII without quotes,
// backslashes and "=", otherwise in double quotes. Both forms are valid UTF-8 whatever the input: controls
// (C0, DEL, C1), line and paragraph separators, bidirectional controls and bytes that are not UTF-8 are escaped.
// Values longer than k_log_value_limit are cut and end in "...".
//
// Threads: pure functions.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace longshore {

enum class LogFormat : std::uint8_t { text, json };

// "text" and "json", "debug" to "fatal"; nothing for other words.
[[nodiscard]] std::optional<LogFormat> parse_log_format(std::string_view word) noexcept;
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view word) noexcept;

inline constexpr std::size_t k_log_value_limit = 1024;  // bytes of input

void append_log_line(std::string& out, LogFormat format, WallTime time, const LogRecord& record);

// One value of a text line, with quotes if it needs them.
void append_text_value(std::string& out, std::string_view value);

// A JSON string with its quotes. Bytes that are not UTF-8 become the four characters \xHH.
void append_json_string(std::string& out, std::string_view value);

// "2026-11-21T01:02:03.456Z"
void append_timestamp(std::string& out, WallTime time);

}  // namespace longshore

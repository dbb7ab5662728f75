#include "base/log_format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace longshore {
namespace {

// Lines are written through a bare cursor into room made once per line: appending piece by piece to a string took
// twice as long. Every put_* writes at most its bound_* bytes and returns the new end.
using Cursor = char*;

constexpr std::size_t k_widest_escape = 6;  // \u0000 for one byte
constexpr std::size_t k_widest_number = 32;
constexpr std::size_t k_line_frame = 128;  // time, level, punctuation

// What may stand in a quoted string as it is. Without branches, so that it is done many bytes at a time.
bool all_plain(std::string_view text) {
    bool plain = true;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        plain &= (byte >= 0x20) & (byte < 0x7F) & (byte != '"') & (byte != '\\');
    }
    return plain;
}

// What may stand unquoted in a text line.
bool all_bare(std::string_view text) {
    bool bare = true;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        bare &= (byte > 0x20) & (byte < 0x7F) & (byte != '"') & (byte != '\\') & (byte != '=');
    }
    return bare;
}

// Names are literals; a slip in one must still not break the line.
constexpr auto k_name_bytes = [] {
    std::array<char, 256> table{};
    table.fill('_');
    for (const char c : std::string_view{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"}) {
        table[static_cast<unsigned char>(c)] = c;
    }
    return table;
}();

enum class Quoting : std::uint8_t { text, json };

struct CodePoint {
    std::uint32_t value = 0;
    std::size_t bytes = 0;  // 0: not UTF-8
};

// The code point at the start of `text`, whose first byte is not ASCII. RFC 3629: shortest forms, no surrogates.
CodePoint decode(std::string_view text) {
    const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const std::size_t size = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
    if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < size) return {};
    std::uint32_t value = byte(0) & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return {};
        value = (value << 6U) | (byte(i) & 0x3FU);
    }
    const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (overlong || surrogate || value > 0x10FFFF) return {};
    return {value, size};
}

// Valid UTF-8 that changes how other text is shown, or that some readers take for the end of a line.
constexpr bool deceives(std::uint32_t point) {
    return (point >= 0x80 && point <= 0x9F) || (point >= 0x200B && point <= 0x200F) ||
           (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x2069) || point == 0x061C ||
           point == 0xFEFF;
}

Cursor put(Cursor at, std::string_view text) { return std::ranges::copy(text, at).out; }

Cursor put(Cursor at, char c) {
    *at = c;
    return at + 1;
}

Cursor put_hex(Cursor at, std::uint32_t value, int digits) {
    static constexpr std::string_view k_digits = "0123456789abcdef";
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
        at = put(at, k_digits[(value >> static_cast<unsigned>(shift)) & 0xFU]);
    }
    return at;
}

Cursor put_escaped_ascii(Cursor at, unsigned char byte, Quoting quoting) {
    switch (byte) {
        case '"':
            return put(at, "\\\"");
        case '\\':
            return put(at, "\\\\");
        case '\n':
            return put(at, "\\n");
        case '\r':
            return put(at, "\\r");
        case '\t':
            return put(at, "\\t");
        default:
            return quoting == Quoting::json ? put_hex(put(at, "\\u"), byte, 4) : put_hex(put(at, "\\x"), byte, 2);
    }
}

// Takes what it writes from the front of `text`.
Cursor put_special(Cursor at, std::string_view& text, Quoting quoting) {
    const auto first = static_cast<unsigned char>(text.front());
    const auto point = first < 0x80 ? CodePoint{first, 1} : decode(text);
    const auto bytes = text.substr(0, std::max<std::size_t>(point.bytes, 1));
    text.remove_prefix(bytes.size());
    if (first < 0x80) return put_escaped_ascii(at, first, quoting);
    if (point.bytes == 0) return put_hex(put(at, quoting == Quoting::json ? "\\\\x" : "\\x"), first, 2);
    if (deceives(point.value)) return put_hex(put(at, "\\u"), point.value, 4);
    return put(at, bytes);
}

Cursor put_quoted(Cursor at, std::string_view text, Quoting quoting, bool cut) {
    at = put(at, '"');
    if (all_plain(text)) {
        at = put(at, text);
        text = {};
    }
    while (!text.empty()) {
        std::size_t run = 0;
        while (run < text.size() && all_plain(text.substr(run, 1))) ++run;
        at = put(at, text.substr(0, run));
        text.remove_prefix(run);
        if (!text.empty()) at = put_special(at, text, quoting);
    }
    return put(cut ? put(at, "...") : at, '"');
}

// At most k_log_value_limit bytes, not ending inside a character.
std::string_view shortened(std::string_view value) {
    if (value.size() <= k_log_value_limit) return value;
    std::size_t size = k_log_value_limit;
    while (size > k_log_value_limit - 4 && (static_cast<unsigned char>(value[size]) & 0xC0U) == 0x80U) --size;
    return value.substr(0, size);
}

// With quotes and the mark of a cut.
constexpr std::size_t bound_of_text(std::size_t bytes) {
    return std::min(bytes, k_log_value_limit) * k_widest_escape + 5;
}

Cursor put_text(Cursor at, LogFormat format, std::string_view value) {
    const auto kept = shortened(value);
    const bool cut = kept.size() != value.size();
    if (format == LogFormat::json) return put_quoted(at, kept, Quoting::json, cut);
    return !cut && !kept.empty() && all_bare(kept) ? put(at, kept) : put_quoted(at, kept, Quoting::text, cut);
}

template <class Number>
Cursor put_number(Cursor at, Number value) {
    return std::to_chars(at, at + k_widest_number, value).ptr;
}

Cursor put_value(Cursor at, LogFormat format, const LogValue& value) {
    const auto& any = value.any();
    if (const auto* text = std::get_if<std::string_view>(&any)) return put_text(at, format, *text);
    if (const auto* truth = std::get_if<bool>(&any)) return put(at, *truth ? "true" : "false");
    if (const auto* natural = std::get_if<std::uint64_t>(&any)) return put_number(at, *natural);
    if (const auto* integer = std::get_if<std::int64_t>(&any)) return put_number(at, *integer);
    const auto real = std::get<double>(any);
    return std::isfinite(real) ? put_number(at, real) : put(at, "null");
}

Cursor put_name(Cursor at, std::string_view name) {
    for (const char c : name) at = put(at, k_name_bytes[static_cast<unsigned char>(c)]);
    return at;
}

Cursor put_digits(Cursor at, unsigned value, int width) {
    for (int i = width - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
    return at + width;
}

Cursor put_timestamp(Cursor at, WallTime time) {
    using namespace std::chrono;
    const auto moment = floor<milliseconds>(time);
    const auto day = floor<days>(moment);
    const year_month_day date{day};
    const auto of_day = static_cast<unsigned>((moment - day).count());
    at = put(put_digits(at, static_cast<unsigned>(static_cast<int>(date.year())), 4), '-');
    at = put(put_digits(at, static_cast<unsigned>(date.month()), 2), '-');
    at = put(put_digits(at, static_cast<unsigned>(date.day()), 2), 'T');
    at = put(put_digits(at, of_day / 3'600'000, 2), ':');
    at = put(put_digits(at, of_day / 60'000 % 60, 2), ':');
    at = put(put_digits(at, of_day / 1000 % 60, 2), '.');
    return put(put_digits(at, of_day % 1000, 3), 'Z');
}

Cursor put_text_line(Cursor at, WallTime time, const LogRecord& record) {
    at = put(put_timestamp(at, time), ' ');
    at = put(put(at, to_string(record.level)), ' ');
    at = put_text(at, LogFormat::text, record.event);
    for (const auto& field : record.fields) {
        at = put(put_name(put(at, ' '), field.name), '=');
        at = put_value(at, LogFormat::text, field.value);
    }
    return put(at, '\n');
}

Cursor put_json_line(Cursor at, WallTime time, const LogRecord& record) {
    at = put_timestamp(put(at, R"({"time":")"), time);
    at = put(put(put(at, R"(","level":")"), to_string(record.level)), R"(","event":)");
    at = put_text(at, LogFormat::json, record.event);
    for (const auto& field : record.fields) {
        at = put(put_name(put(at, ",\""), field.name), "\":");
        at = put_value(at, LogFormat::json, field.value);
    }
    return put(at, "}\n");
}

std::size_t bound_of(const LogRecord& record) {
    auto bound = k_line_frame + bound_of_text(record.event.size());
    for (const auto& field : record.fields) {
        const auto* text = std::get_if<std::string_view>(&field.value.any());
        bound += field.name.size() + 4 + (text != nullptr ? bound_of_text(text->size()) : k_widest_number);
    }
    return bound;
}

// Appends what `write` puts, `bound` bytes at most.
template <class Write>
void append_with(std::string& out, std::size_t bound, const Write& write) {
    const auto before = out.size();
    out.resize_and_overwrite(
        before + bound, [&](char* text, std::size_t) { return static_cast<std::size_t>(write(text + before) - text); });
}

}  // namespace

std::optional<LogFormat> parse_log_format(std::string_view word) noexcept {
    if (word == "text") return LogFormat::text;
    if (word == "json") return LogFormat::json;
    return std::nullopt;
}

std::optional<LogLevel> parse_log_level(std::string_view word) noexcept {
    for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error, LogLevel::fatal}) {
        if (word == to_string(level)) return level;
    }
    return std::nullopt;
}

void append_log_line(std::string& out, LogFormat format, WallTime time, const LogRecord& record) {
    append_with(out, bound_of(record), [&](Cursor at) {
        return format == LogFormat::json ? put_json_line(at, time, record) : put_text_line(at, time, record);
    });
}

void append_text_value(std::string& out, std::string_view value) {
    append_with(out, bound_of_text(value.size()), [&](Cursor at) { return put_text(at, LogFormat::text, value); });
}

void append_json_string(std::string& out, std::string_view value) {
    append_with(out, value.size() * k_widest_escape + 2,
                [&](Cursor at) { return put_quoted(at, value, Quoting::json, false); });
}

void append_timestamp(std::string& out, WallTime time) {
    append_with(out, k_line_frame, [&](Cursor at) { return put_timestamp(at, time); });
}

}  // namespace longshore

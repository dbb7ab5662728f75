#include "base/log_format.hpp"

#include <charconv>
#include <cmath>

namespace longshore {
namespace {

// What may stand unquoted in a text line, and what in any quoted string, as it is.
struct ByteClasses {
    std::array<bool, 256> bare{};
    std::array<bool, 256> plain{};
};

constexpr ByteClasses k_bytes = [] {
    ByteClasses classes;
    for (std::size_t byte = 0x20; byte < 0x7F; ++byte) {
        classes.plain[byte] = byte != '"' && byte != '\\';
        classes.bare[byte] = classes.plain[byte] && byte != ' ' && byte != '=';
    }
    return classes;
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

void append_hex(std::string& out, std::string_view prefix, std::uint32_t value, int digits) {
    static constexpr std::string_view k_digits = "0123456789abcdef";
    out.append(prefix);
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
        out.push_back(k_digits[(value >> static_cast<unsigned>(shift)) & 0xFU]);
    }
}

void append_escaped_ascii(std::string& out, unsigned char byte, Quoting quoting) {
    switch (byte) {
        case '"':
            out.append("\\\"");
            return;
        case '\\':
            out.append("\\\\");
            return;
        case '\n':
            out.append("\\n");
            return;
        case '\r':
            out.append("\\r");
            return;
        case '\t':
            out.append("\\t");
            return;
        default:
            append_hex(out, quoting == Quoting::json ? "\\u" : "\\x", byte, quoting == Quoting::json ? 4 : 2);
    }
}

// The bytes taken from the front of `text`, at least one.
std::size_t append_special(std::string& out, std::string_view text, Quoting quoting) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80) {
        append_escaped_ascii(out, first, quoting);
        return 1;
    }
    const auto point = decode(text);
    if (point.bytes == 0) {
        append_hex(out, quoting == Quoting::json ? "\\\\x" : "\\x", first, 2);
        return 1;
    }
    if (deceives(point.value)) {
        append_hex(out, "\\u", point.value, 4);
    } else {
        out.append(text.substr(0, point.bytes));
    }
    return point.bytes;
}

void append_quoted(std::string& out, std::string_view text, Quoting quoting, bool cut) {
    out.push_back('"');
    while (!text.empty()) {
        std::size_t run = 0;
        while (run < text.size() && k_bytes.plain[static_cast<unsigned char>(text[run])]) ++run;
        out.append(text.substr(0, run));
        text.remove_prefix(run);
        if (!text.empty()) text.remove_prefix(append_special(out, text, quoting));
    }
    if (cut) out.append("...");
    out.push_back('"');
}

// At most k_log_value_limit bytes, not ending inside a character.
std::string_view shortened(std::string_view value) {
    if (value.size() <= k_log_value_limit) return value;
    std::size_t size = k_log_value_limit;
    while (size > k_log_value_limit - 4 && (static_cast<unsigned char>(value[size]) & 0xC0U) == 0x80U) --size;
    return value.substr(0, size);
}

void append_json_text(std::string& out, std::string_view value) {
    const auto kept = shortened(value);
    append_quoted(out, kept, Quoting::json, kept.size() != value.size());
}

template <class Number>
void append_number(std::string& out, Number value) {
    std::array<char, 32> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
}

void append_value(std::string& out, LogFormat format, const LogValue& value) {
    const auto& any = value.any();
    if (const auto* text = std::get_if<std::string_view>(&any)) {
        format == LogFormat::json ? append_json_text(out, *text) : append_text_value(out, *text);
    } else if (const auto* truth = std::get_if<bool>(&any)) {
        out.append(*truth ? "true" : "false");
    } else if (const auto* real = std::get_if<double>(&any)) {
        std::isfinite(*real) ? append_number(out, *real) : void(out.append("null"));
    } else if (const auto* natural = std::get_if<std::uint64_t>(&any)) {
        append_number(out, *natural);
    } else {
        append_number(out, std::get<std::int64_t>(any));
    }
}

// Names are literals; a slip in one must still not break the line.
void append_name(std::string& out, std::string_view name) {
    for (const char c : name) {
        const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                          c == '.' || c == '-';
        out.push_back(fits ? c : '_');
    }
}

void append_digits(std::string& out, unsigned value, int width) {
    std::array<char, 4> digits;
    for (int i = width - 1; i >= 0; --i, value /= 10)
        digits[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    out.append(digits.data(), static_cast<std::size_t>(width));
}

void append_text_line(std::string& out, WallTime time, const LogRecord& record) {
    append_timestamp(out, time);
    out.push_back(' ');
    out.append(to_string(record.level));
    out.push_back(' ');
    append_text_value(out, record.event);
    for (const auto& field : record.fields) {
        out.push_back(' ');
        append_name(out, field.name);
        out.push_back('=');
        append_value(out, LogFormat::text, field.value);
    }
    out.push_back('\n');
}

void append_json_line(std::string& out, WallTime time, const LogRecord& record) {
    out.append(R"({"time":")");
    append_timestamp(out, time);
    out.append(R"(","level":")").append(to_string(record.level)).append(R"(","event":)");
    append_json_text(out, record.event);
    for (const auto& field : record.fields) {
        out.append(",\"");
        append_name(out, field.name);
        out.append("\":");
        append_value(out, LogFormat::json, field.value);
    }
    out.append("}\n");
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
    format == LogFormat::json ? append_json_line(out, time, record) : append_text_line(out, time, record);
}

void append_text_value(std::string& out, std::string_view value) {
    const auto kept = shortened(value);
    const bool bare = !kept.empty() && kept.size() == value.size() &&
                      std::ranges::all_of(kept, [](char c) { return k_bytes.bare[static_cast<unsigned char>(c)]; });
    bare ? void(out.append(kept)) : append_quoted(out, kept, Quoting::text, kept.size() != value.size());
}

void append_json_string(std::string& out, std::string_view value) { append_quoted(out, value, Quoting::json, false); }

void append_timestamp(std::string& out, WallTime time) {
    using namespace std::chrono;
    const auto moment = floor<milliseconds>(time);
    const auto day = floor<days>(moment);
    const year_month_day date{day};
    const auto of_day = static_cast<unsigned>((moment - day).count());
    append_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    out.push_back('-');
    append_digits(out, static_cast<unsigned>(date.month()), 2);
    out.push_back('-');
    append_digits(out, static_cast<unsigned>(date.day()), 2);
    out.push_back('T');
    append_digits(out, of_day / 3'600'000, 2);
    out.push_back(':');
    append_digits(out, of_day / 60'000 % 60, 2);
    out.push_back(':');
    append_digits(out, of_day / 1000 % 60, 2);
    out.push_back('.');
    append_digits(out, of_day % 1000, 3);
    out.push_back('Z');
}

}  // namespace longshore

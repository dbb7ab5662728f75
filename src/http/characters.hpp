// Classes of bytes that HTTP's grammars share, as tables.
//
// Source: RFC 9110 §5.6, RFC 3986 §2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace longshore::http {

enum CharacterClass : std::uint8_t {
    k_token = 1,       // tchar
    k_field = 2,       // may stand in a field value: HTAB, SP, VCHAR, obs-text
    k_unreserved = 4,  // RFC 3986
    k_path = 8,        // may stand unencoded in a path: pchar and "/"
    k_query = 16,      // may stand unencoded in a query: pchar, "/" and "?"
    k_host = 32,       // of a registered name: letters, digits, "-", ".", "_"
};

namespace detail {
constexpr bool is_one_of(char byte, std::string_view set) { return set.find(byte) != std::string_view::npos; }

constexpr std::uint8_t classify(std::size_t index) {
    const auto byte = static_cast<char>(index);
    const bool letter = (index >= 'a' && index <= 'z') || (index >= 'A' && index <= 'Z');
    const bool plain = letter || (index >= '0' && index <= '9');
    const bool unreserved = plain || (index != 0 && is_one_of(byte, "-._~"));
    const bool pchar = unreserved || (index != 0 && is_one_of(byte, "!$&'()*+,;=:@"));
    std::uint8_t classes = 0;
    if (plain || (index != 0 && is_one_of(byte, "!#$%&'*+-.^_`|~"))) classes |= k_token;
    if (index == '\t' || (index >= ' ' && index != 0x7f)) classes |= k_field;
    if (unreserved) classes |= k_unreserved;
    if (pchar || byte == '/') classes |= k_path;
    if (pchar || byte == '/' || byte == '?') classes |= k_query;
    if (plain || (index != 0 && is_one_of(byte, "-._"))) classes |= k_host;
    return classes;
}

constexpr std::array<std::uint8_t, 256> classify_all() {
    std::array<std::uint8_t, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = classify(i);
    return table;
}

inline constexpr std::array<std::uint8_t, 256> k_classes = classify_all();
}  // namespace detail

[[nodiscard]] constexpr bool is_a(char byte, CharacterClass wanted) noexcept {
    return (detail::k_classes[static_cast<unsigned char>(byte)] & wanted) != 0;
}

// Whether every byte is in the class; true for no bytes.
[[nodiscard]] constexpr bool all_are(std::string_view text, CharacterClass wanted) noexcept {
    for (const char byte : text) {
        if (!is_a(byte, wanted)) return false;
    }
    return true;
}

[[nodiscard]] constexpr bool is_digit(char byte) noexcept { return byte >= '0' && byte <= '9'; }

[[nodiscard]] constexpr char to_lower(char byte) noexcept {
    const bool upper = static_cast<unsigned char>(byte - 'A') < 26;
    return static_cast<char>(byte | (upper ? 0x20 : 0));
}
[[nodiscard]] constexpr char to_upper(char byte) noexcept {
    return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - ('a' - 'A')) : byte;
}

// 0 to 15, or -1.
[[nodiscard]] constexpr int hex_value(char byte) noexcept {
    if (is_digit(byte)) return byte - '0';
    const char low = to_lower(byte);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// Without spaces and tabs at either end.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
    const auto is_blank = [](char byte) { return byte == ' ' || byte == '\t'; };
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

// Takes the next element of a comma-separated list off `list`, trimmed; quotes are not looked at.
[[nodiscard]] constexpr std::string_view take_list_element(std::string_view& list) noexcept {
    const auto comma = list.find(',');
    const auto element = trimmed(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    return element;
}

}  // namespace longshore::http

#include "http/range.hpp"

#include "http/characters.hpp"
#include "http/fields.hpp"

#include <charconv>

namespace longshore::http {
namespace {

std::optional<std::uint64_t> number(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (stopped != end || error != std::errc{}) return std::nullopt;
    return value;
}

bool all_digits(std::string_view text) noexcept {
    for (const char byte : text) {
        if (!is_digit(byte)) return false;
    }
    return true;
}

// As a position in the file, where a number too large for any file is as good as the largest.
std::uint64_t position(std::string_view digits) noexcept { return number(digits).value_or(UINT64_MAX); }

enum class Spec : std::uint8_t { malformed, inverted, outside, inside };

Spec read_suffix(std::string_view length_text, std::uint64_t size, ByteRange& into) {
    const std::uint64_t length = position(length_text);
    if (length == 0 || size == 0) return Spec::outside;
    into = {length >= size ? 0 : size - length, size - 1};
    return Spec::inside;
}

Spec read_spec(std::string_view text, std::uint64_t size, ByteRange& into) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return Spec::malformed;
    const auto first_text = text.substr(0, dash);
    const auto last_text = text.substr(dash + 1);
    if (!all_digits(first_text) || !all_digits(last_text)) return Spec::malformed;
    if (first_text.empty()) return last_text.empty() ? Spec::malformed : read_suffix(last_text, size, into);
    const std::uint64_t first = position(first_text);
    const std::uint64_t last = last_text.empty() ? UINT64_MAX : position(last_text);
    if (last < first) return Spec::inverted;
    if (first >= size) return Spec::outside;
    into = {first, std::min(last, size - 1)};
    return Spec::inside;
}

RangeSelection whole() { return {}; }
RangeSelection unsatisfiable() { return {RangeSelection::Kind::unsatisfiable, {}}; }

bool is_strong_tag(std::string_view tag) noexcept {
    if (tag.size() < 2 || tag.front() != '"' || tag.back() != '"') return false;
    for (const char byte : tag.substr(1, tag.size() - 2)) {
        if (byte == '"' || byte == ' ' || !is_a(byte, k_field) || byte == '\t') return false;
    }
    return true;
}

}  // namespace

RangeSelection select_ranges(std::string_view range, std::uint64_t size) {
    const auto equals = range.find('=');
    if (equals == std::string_view::npos || !same_text(range.substr(0, equals), "bytes")) return whole();
    RangeSelection selection{RangeSelection::Kind::parts, {}};
    std::uint64_t wanted = 0;
    std::size_t specs = 0;
    bool inverted = false;
    bool too_much = false;
    for (std::string_view list = range.substr(equals + 1); !list.empty();) {
        const auto text = take_list_element(list);
        if (text.empty()) continue;
        if (++specs > k_max_ranges) return whole();
        ByteRange part;
        const Spec spec = read_spec(text, size, part);
        if (spec == Spec::malformed) return whole();
        inverted |= spec == Spec::inverted;
        if (spec != Spec::inside || too_much) continue;
        too_much = part.size() > size - wanted;
        wanted += too_much ? 0 : part.size();
        selection.parts.push_back(part);
    }
    if (specs == 0) return whole();
    if (inverted) return unsatisfiable();
    if (too_much) return whole();
    return selection.parts.empty() ? unsatisfiable() : selection;
}

std::string content_range(ByteRange range, std::uint64_t size) {
    return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" + std::to_string(size);
}

std::string unsatisfied_content_range(std::uint64_t size) { return "bytes */" + std::to_string(size); }

std::optional<ContentRange> parse_content_range(std::string_view text) {
    constexpr std::string_view k_unit = "bytes ";
    if (text.size() < k_unit.size() || !same_text(text.substr(0, k_unit.size()), k_unit)) return std::nullopt;
    text.remove_prefix(k_unit.size());
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto range_text = text.substr(0, slash);
    const auto size_text = text.substr(slash + 1);
    ContentRange result;
    if (size_text != "*" && !(result.size = number(size_text))) return std::nullopt;
    if (range_text == "*") return result.size ? std::optional(result) : std::nullopt;
    const auto dash = range_text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto first = number(range_text.substr(0, dash));
    const auto last = number(range_text.substr(dash + 1));
    if (!first || !last || *last < *first || *last == UINT64_MAX) return std::nullopt;
    if (result.size && *last >= *result.size) return std::nullopt;
    result.range = ByteRange{*first, *last};
    return result;
}

bool if_range_matches(std::string_view if_range, std::string_view etag) noexcept {
    return is_strong_tag(etag) && if_range == etag;
}

}  // namespace longshore::http

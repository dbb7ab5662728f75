#include "registry/media_types.hpp"

#include "http/fields.hpp"

namespace longshore::registry {
namespace {

std::string_view trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// Takes what stands before `separator` off `text`.
std::string_view take_until(std::string_view& text, char separator) {
    const auto at = text.find(separator);
    const auto part = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
    return trimmed(part);
}

struct MediaType {
    std::string_view type;
    std::string_view subtype;
    [[nodiscard]] bool valid() const {
        return http::valid_field_name(type) && http::valid_field_name(subtype) && (type != "*" || subtype == "*");
    }
};

MediaType split(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return {};
    return {text.substr(0, slash), text.substr(slash + 1)};
}

// 0: does not match; more for more specific ranges.
int match(const MediaType& range, const MediaType& stored) {
    if (range.type == "*") return 1;
    if (!http::same_text(range.type, stored.type)) return 0;
    if (range.subtype == "*") return 2;
    return http::same_text(range.subtype, stored.subtype) ? 3 : 0;
}

// "q=0", "q=0.000": the only weights that matter when there is one thing to choose from.
bool zero_weight(std::string_view parameters) {
    while (!parameters.empty()) {
        auto value = take_until(parameters, ';');
        if (!http::same_text(take_until(value, '='), "q")) continue;
        return value.starts_with('0') && value.find_first_not_of("0.") == std::string_view::npos;
    }
    return false;
}

}  // namespace

bool acceptable(std::optional<std::string_view> accept, std::string_view stored_type) noexcept {
    if (!accept) return true;
    const auto stored = split(take_until(stored_type, ';'));
    bool any_range = false;
    int best = 0;
    bool taken = false;
    while (!accept->empty()) {
        auto parameters = take_until(*accept, ',');
        const auto range = split(take_until(parameters, ';'));
        if (!range.valid()) continue;
        any_range = true;
        const int specific = match(range, stored);
        if (specific == 0 || specific < best) continue;
        // Of equal ranges, one that takes is enough.
        taken = !zero_weight(parameters) || (taken && specific == best);
        best = specific;
    }
    return taken || !any_range;
}

}  // namespace longshore::registry

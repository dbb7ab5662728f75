#include "registry/reference.hpp"

#include <algorithm>

namespace longshore::registry {
namespace {

constexpr bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

constexpr bool word(char c) { return lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

// Between two runs of letters and digits: one dot, one or two underscores, or any number of hyphens.
bool is_separator(std::string_view text) {
    return text == "." || text == "_" || text == "__" || text.find_first_not_of('-') == std::string_view::npos;
}

bool is_component(std::string_view text) {
    if (text.empty() || !lower_or_digit(text.front()) || !lower_or_digit(text.back())) return false;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto* const rest = text.data() + at;
        const auto* const end = text.data() + text.size();
        const auto* const separator = std::find_if_not(rest, end, lower_or_digit);
        const auto* const next = std::find_if(separator, end, lower_or_digit);
        if (separator != end && !is_separator({separator, next})) return false;
        at = static_cast<std::size_t>(next - text.data());
    }
    return true;
}

}  // namespace

Result<RepositoryName> RepositoryName::parse(std::string_view text) {
    if (text.empty()) return Error{Errc::invalid, "repository name is empty"};
    if (text.size() > k_longest) return Error{Errc::invalid, "repository name is longer than 255 characters"};
    std::size_t at = 0;
    while (at <= text.size()) {
        const auto slash = std::min(text.find('/', at), text.size());
        if (!is_component(text.substr(at, slash - at))) {
            return Error{Errc::invalid,
                         "repository name must be components of a-z and 0-9, with . _ __ or - inside, joined by /"};
        }
        at = slash + 1;
    }
    return RepositoryName{std::string{text}};
}

Result<Tag> Tag::parse(std::string_view text) {
    const auto inside = [](char c) { return word(c) || c == '.' || c == '-'; };
    if (text.empty() || text.size() > k_longest || !word(text.front()) || !std::ranges::all_of(text, inside)) {
        return Error{Errc::invalid, "tag must be 1 to 128 letters, digits, _ . or -, and not start with . or -"};
    }
    return Tag{std::string{text}};
}

Result<Reference> Reference::parse(std::string_view text) {
    if (text.find(':') != std::string_view::npos) {
        auto digest = Digest::parse(text);
        if (!digest) return digest.error();
        return Reference{std::move(*digest)};
    }
    auto tag = Tag::parse(text);
    if (!tag) return tag.error();
    return Reference{std::move(*tag)};
}

std::string Reference::to_string() const { return tag() != nullptr ? tag()->text() : digest()->to_string(); }

}  // namespace longshore::registry

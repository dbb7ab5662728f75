#include "http/cdn_loop.hpp"

#include "http/characters.hpp"

#include <string>

namespace longshore::http {
namespace {

Error invalid(std::string_view why) { return {Errc::invalid, "CDN-Loop: " + std::string{why}}; }

void skip_blanks(std::string_view& text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

template <class Allowed>
std::string_view take_while(std::string_view& text, Allowed allowed) {
    std::size_t size = 0;
    while (size < text.size() && allowed(text[size])) ++size;
    const auto taken = text.substr(0, size);
    text.remove_prefix(size);
    return taken;
}

// A pseudonym is a token; a host may have a port and, as an IPv6 address, brackets.
bool is_of_id(char byte) { return is_a(byte, k_token) || byte == ':' || byte == '[' || byte == ']'; }
bool is_of_token(char byte) { return is_a(byte, k_token); }

bool take_quoted(std::string_view& text) {
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at] == '"') {
            text.remove_prefix(at + 1);
            return true;
        }
        if (text[at] == '\\') ++at;
    }
    return false;
}

// token "=" ( token / quoted-string )
Result<> take_parameter(std::string_view& text) {
    if (take_while(text, is_of_token).empty()) return invalid("a parameter without a name");
    if (!text.starts_with('=')) return invalid("a parameter without a value");
    text.remove_prefix(1);
    if (text.starts_with('"')) {
        if (!take_quoted(text)) return invalid("a quote without its end");
    } else if (take_while(text, is_of_token).empty()) {
        return invalid("a parameter without a value");
    }
    return {};
}

}  // namespace

Result<std::vector<std::string_view>> parse_cdn_loop(std::string_view value) {
    if (value.size() > k_longest_cdn_loop) return Error{Errc::too_large, "CDN-Loop: too long"};
    std::vector<std::string_view> ids;
    for (;;) {
        skip_blanks(value);
        if (value.empty()) return ids;
        if (value.starts_with(',')) {  // empty elements of a list mean nothing (RFC 9110 §5.6.1)
            value.remove_prefix(1);
            continue;
        }
        const auto id = take_while(value, is_of_id);
        if (id.empty()) return invalid("no cdn-id");
        if (ids.size() == k_most_cdn_ids) return Error{Errc::too_large, "CDN-Loop: too many caches"};
        ids.push_back(id);
        for (skip_blanks(value); value.starts_with(';'); skip_blanks(value)) {
            value.remove_prefix(1);
            skip_blanks(value);
            if (auto taken = take_parameter(value); !taken) return taken.error();
        }
        if (!value.empty() && !value.starts_with(',')) return invalid("text after a cdn-id");
    }
}

}  // namespace longshore::http

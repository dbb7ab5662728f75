#include "http/target.hpp"

#include "http/characters.hpp"
#include "http/fields.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

namespace longshore::http {
namespace {

constexpr std::size_t k_max_host = 255;  // bytes, with brackets; DNS allows 253

Error invalid(std::string_view why) { return {Errc::invalid, std::string(why)}; }

// ---- host and port

Result<std::string> canonical_ipv6(std::string_view inner) {
    if (inner.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
        return invalid("host: bad IPv6 address");
    }
    in6_addr address{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::inet_pton(AF_INET6, std::string(inner).c_str(), &address) != 1) return invalid("host: bad IPv6 address");
    ::inet_ntop(AF_INET6, &address, text.data(), text.size());
    return "[" + std::string(text.data()) + "]";
}

Result<std::string> canonical_name(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty()) return invalid("host: empty");
    if (!all_are(name, k_host)) return invalid("host: forbidden character");
    if (name.front() == '.' || name.back() == '.' || name.find("..") != std::string_view::npos) {
        return invalid("host: empty label");
    }
    std::string lower(name);
    for (char& byte : lower) byte = to_lower(byte);
    return lower;
}

Result<std::uint16_t> parse_port(std::string_view digits) {
    unsigned value = 0;
    if (digits.size() > 5) return invalid("port: too long");
    for (const char digit : digits) {
        if (!is_digit(digit)) return invalid("port: not a number");
        value = value * 10 + static_cast<unsigned>(digit - '0');
    }
    if (value == 0 || value > 65535) return invalid("port: out of range");
    return static_cast<std::uint16_t>(value);
}

// ---- path and query

struct Decoded {
    char byte;
    bool encoded;
};

// The byte at `at`, which moves behind it.
std::optional<Decoded> take_byte(std::string_view text, std::size_t& at) {
    if (text[at] != '%') return Decoded{text[at++], false};
    if (text.size() - at < 3) return std::nullopt;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    at += 3;
    return Decoded{static_cast<char>(high * 16 + low), true};
}

void append_encoded(std::string& out, char byte) {
    constexpr std::string_view k_hex = "0123456789ABCDEF";
    const auto value = static_cast<unsigned char>(byte);
    out.push_back('%');
    out.push_back(k_hex[value >> 4]);
    out.push_back(k_hex[value & 15]);
}

bool is_forbidden(char byte) noexcept {
    const auto value = static_cast<unsigned char>(byte);
    return value <= 0x20 || value >= 0x7f || byte == '#';
}

// `plain` is what may stand unencoded here: k_path or k_query.
Result<std::string> canonical_text(std::string_view text, CharacterClass plain) {
    if (all_are(text, plain)) return std::string(text);
    std::string out;
    out.reserve(text.size() + 16);
    for (std::size_t at = 0; at < text.size();) {
        const auto next = take_byte(text, at);
        if (!next) return invalid("target: broken percent-encoding");
        if (next->encoded && next->byte == '\0') return invalid("target: encoded NUL");
        if (!next->encoded && is_forbidden(next->byte)) return invalid("target: forbidden byte");
        if (is_a(next->byte, next->encoded ? k_unreserved : plain)) {
            out.push_back(next->byte);
        } else {
            append_encoded(out, next->byte);
        }
    }
    return out;
}

// RFC 3986 §5.2.4, but climbing above the root is an error. `path` starts with "/".
Result<std::string> without_dot_segments(std::string path) {
    if (path.find("/.") == std::string::npos) return path;
    std::string out;
    out.reserve(path.size());
    for (std::size_t at = 0; at < path.size();) {
        const auto end = std::min(path.find('/', at + 1), path.size());
        const auto segment = std::string_view(path).substr(at, end - at);  // with its leading slash
        const bool last = end == path.size();
        at = end;
        if (segment == "/..") {
            if (out.empty()) return invalid("target: climbs above the root");
            out.resize(out.rfind('/'));
        } else if (segment != "/.") {
            out.append(segment);
            continue;
        }
        if (last) out.push_back('/');
    }
    return out;
}

Result<std::string> canonical_path(std::string_view path) {
    auto text = canonical_text(path, k_path);
    if (!text) return text;
    return without_dot_segments(std::move(*text));
}

// ---- references

struct Scheme {
    std::string_view name;  // canonical; empty: none was given
    std::string_view rest;
};

// "http:" or "https:" taken off. Another scheme is an error.
Result<Scheme> split_scheme(std::string_view text) {
    const auto colon = text.find_first_of(":/?#");
    if (colon == std::string_view::npos || text[colon] != ':') return Scheme{{}, text};
    for (const std::string_view known : {"http", "https"}) {
        if (same_text(text.substr(0, colon), known)) return Scheme{known, text.substr(colon + 1)};
    }
    return invalid("target: scheme is neither http nor https");
}

// "//host:port/path?query"
Result<Target> from_network_path(std::string_view scheme, std::string_view text) {
    if (!text.starts_with("//")) return invalid("target: no host");
    text.remove_prefix(2);
    const auto end = std::min(text.find_first_of("/?"), text.size());
    auto authority = Authority::parse(text.substr(0, end), default_port(scheme));
    if (!authority) return authority.error();
    const auto rest = text.substr(end);
    if (rest.starts_with('/')) return Target::from_path(scheme, std::move(*authority), rest);
    return Target::from_path(scheme, std::move(*authority), "/" + std::string(rest));
}

}  // namespace

std::string Authority::to_string() const { return port == 0 ? host : host + ":" + std::to_string(port); }

Result<Authority> Authority::parse(std::string_view text, std::uint16_t default_port) {
    if (text.empty() || text.size() > k_max_host + 6) return invalid("host: empty or too long");
    Authority authority;
    const bool bracketed = text.front() == '[';
    const auto host_end = bracketed ? text.find(']') : text.find(':');
    if (bracketed && host_end == std::string_view::npos) return invalid("host: no closing bracket");
    const auto host = text.substr(0, bracketed ? host_end + 1 : host_end);
    if (host.size() > k_max_host) return invalid("host: too long");
    auto canonical = bracketed ? canonical_ipv6(host.substr(1, host.size() - 2)) : canonical_name(host);
    if (!canonical) return canonical.error();
    authority.host = std::move(*canonical);

    const auto rest = text.substr(host.size());
    if (rest.empty() || rest == ":") return authority;
    if (rest.front() != ':') return invalid("host: text after the address");
    const auto port = parse_port(rest.substr(1));
    if (!port) return port.error();
    authority.port = *port == default_port ? 0 : *port;
    return authority;
}

std::string Target::path_and_query() const {
    std::string text;
    text.reserve(path.size() + query.size() + 1);
    text.append(path);
    if (has_query) text.append("?").append(query);
    return text;
}

std::string Target::to_string() const { return scheme + "://" + authority.to_string() + path_and_query(); }

std::uint16_t Target::port() const noexcept { return authority.port != 0 ? authority.port : default_port(scheme); }

Result<Target> Target::from_path(std::string_view scheme, Authority authority, std::string_view path) {
    Target target;
    target.scheme = scheme;
    target.authority = std::move(authority);
    if (path == "*") {
        target.path = path;
        return target;
    }
    if (!path.starts_with('/')) return invalid("target: path does not start with a slash");
    const auto mark = path.find('?');
    auto canonical = canonical_path(path.substr(0, mark));
    if (!canonical) return canonical.error();
    target.path = std::move(*canonical);
    if (mark == std::string_view::npos) return target;
    auto query = canonical_text(path.substr(mark + 1), k_query);
    if (!query) return query.error();
    target.query = std::move(*query);
    target.has_query = true;
    return target;
}

Result<Target> Target::from_url(std::string_view url) {
    const auto scheme = split_scheme(url);
    if (!scheme) return scheme.error();
    if (scheme->name.empty()) return invalid("target: no scheme");
    return from_network_path(scheme->name, scheme->rest);
}

Result<Target> Target::resolve(std::string_view reference) const {
    reference = reference.substr(0, reference.find('#'));
    const auto given = split_scheme(reference);
    if (!given) return given.error();
    if (!given->name.empty()) return from_network_path(given->name, given->rest);
    if (reference.starts_with("//")) return from_network_path(scheme, reference);
    if (reference.empty()) return *this;
    if (reference.starts_with('/')) return from_path(scheme, authority, reference);
    if (reference.starts_with('?')) return from_path(scheme, authority, path + std::string(reference));
    return from_path(scheme, authority, path.substr(0, path.rfind('/') + 1) + std::string(reference));
}

std::uint16_t default_port(std::string_view scheme) noexcept { return scheme == "https" ? 443 : 80; }

}  // namespace longshore::http

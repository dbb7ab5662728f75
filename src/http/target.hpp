// What a request asks for, in one canonical form.
//
// Every codec builds its target here, so that routing, access and the backend read the same bytes. Canonical
// means: scheme and host in lower case, no trailing dot on the host, default port left out; unreserved
// characters decoded, other percent-encodings in upper case, characters that may not stand in a URI encoded;
// dot segments removed, also encoded ones. Encoded slashes stay encoded, double slashes stay as they are.
// Refused (Errc::invalid): control bytes, white space, non-ASCII, broken percent-encodings, encoded NUL,
// user information, a fragment, dot segments that climb above the root.
// Source: RFC 3986 §6.2.2, RFC 9112 §3.2, RFC 9113 §8.3.1.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace longshore::http {

struct Authority {
    std::string host;        // lower case; IPv6 in brackets; empty: none was given
    std::uint16_t port = 0;  // 0: none given, or the scheme's default
    [[nodiscard]] std::string to_string() const;
    friend bool operator==(const Authority&, const Authority&) = default;
    // `default_port` is left out of the result.
    [[nodiscard]] static Result<Authority> parse(std::string_view text, std::uint16_t default_port);
};

struct Target {
    std::string scheme = "http";  // "http" or "https"; how this hop is carried
    Authority authority;
    std::string path = "/";  // starts with "/"; "*" for OPTIONS *; empty for CONNECT
    std::string query;       // without "?"
    bool has_query = false;  // distinguishes "/a?" from "/a"

    // "/a/b?c=d"
    [[nodiscard]] std::string path_and_query() const;
    // "https://host:port/a/b?c=d"
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] std::uint16_t port() const noexcept;

    // Origin form ("/a?b"), or "*".
    [[nodiscard]] static Result<Target> from_path(std::string_view scheme, Authority authority, std::string_view path);
    // "http://host/a?b" or "https://...".
    [[nodiscard]] static Result<Target> from_url(std::string_view url);
    // RFC 3986 §5.2: an absolute URL, "//host/path", "/path", "path" or "?query", seen from this target. A fragment
    // is not sent, so here it is dropped.
    [[nodiscard]] Result<Target> resolve(std::string_view reference) const;
};

[[nodiscard]] std::uint16_t default_port(std::string_view scheme) noexcept;

}  // namespace longshore::http

// What a client asks for in its hello: the first bytes a stranger sends, read before OpenSSL judges them.
//
// The views point into the bytes given. Errors: corrupt (lengths that do not add up, a name that is none).
// Source: RFC 6066 section 3, RFC 7301 section 3.1. For this room only.
#pragma once

#include "base/error.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::tls {

// The host name in the body of a server_name extension: lower case, no trailing dot, IP literals in canonical form.
[[nodiscard]] Result<std::string> parse_server_name(std::span<const unsigned char> extension);
// The protocols in the body of an application_layer_protocol_negotiation extension.
[[nodiscard]] Result<std::vector<std::string_view>> parse_alpn(std::span<const unsigned char> extension);

}  // namespace longshore::tls

// Host names and IP literals as certificates and handshakes spell them. For this room only.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace longshore::tls {

[[nodiscard]] std::string lower_case(std::string_view text);
// "127.0.0.1" from 4 bytes, "::1" from 16; empty from anything else.
[[nodiscard]] std::string ip_from_bytes(std::string_view bytes);
// The canonical text of an IP literal (brackets allowed, v4 in v6 as v4), or empty when it is none.
[[nodiscard]] std::string ip_literal(std::string_view host);
// Lower case without brackets or a trailing dot; IP literals in canonical form.
[[nodiscard]] std::string normal_host(std::string_view host);
// A DNS name of letters, digits, hyphens and underscores, at most 253 bytes.
[[nodiscard]] bool is_dns_name(std::string_view name) noexcept;
// Whether one of `names` stands for `host`, which is normal.
[[nodiscard]] bool any_matches(std::span<const std::string> names, std::string_view host) noexcept;

}  // namespace longshore::tls

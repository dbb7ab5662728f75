// Where a connection may lead, judged by the address that is dialled and never by the name.
//
// Public is what the registries of special addresses leave: not loopback, private, link-local, shared, reserved,
// multicast, documentation or metadata addresses, in whatever form IPv6 embeds them (mapped, 6to4, NAT64).
//
// Threads: pure functions.
// Source:  the IANA special-purpose address registries (RFC 6890), RFC 6052 §2.1 and RFC 3056 §2 for embedded IPv4.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <string_view>

namespace longshore::net {

enum class Reach : std::uint8_t { anywhere, public_only };

[[nodiscard]] bool is_public(const boost::asio::ip::address& address) noexcept;

// For hosts that somebody else resolves (a proxy): false for `localhost`, names below it, and addresses that are not
// public in any spelling a resolver takes ("127.1", "0x7f000001", "[::1]").
[[nodiscard]] bool may_be_public(std::string_view host);

}  // namespace longshore::net

// The one relay for upgraded connections: bytes both ways until both directions have ended.
//
// An end of one direction is passed on as an end; where a stream cannot half-close, both directions end with it.
// A failure of either stream aborts both. Returns with the bytes moved.
#pragma once

#include "net/stream.hpp"

#include <cstdint>

namespace longshore::http {

struct Relayed {
    std::uint64_t a_to_b = 0;  // bytes
    std::uint64_t b_to_a = 0;  // bytes
};

// Both streams outlive the call.
[[nodiscard]] Task<Relayed> relay(net::ByteStream& a, net::ByteStream& b);

}  // namespace longshore::http

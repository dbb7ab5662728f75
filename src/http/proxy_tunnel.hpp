// A tunnel through a proxy, by CONNECT over HTTP/1.1.
//
// Reads not one byte beyond the proxy's answer: what follows is the origin's, and the descriptor may be handed to
// TLS. The head of the answer is bounded.
//
// Threads: the stream's loop.
// Errors:  every one names the proxy. unauthenticated (407), denied (401, 403), timeout (504, or the deadline),
//          overloaded (429, 503), peer_closed, io (other answers), corrupt (not HTTP).
// Source:  RFC 9110 §9.3.6, RFC 9112 §3.2.3.
#pragma once

#include "http/message.hpp"
#include "http/proxy.hpp"
#include "net/stream.hpp"

#include <cstddef>
#include <string_view>

namespace longshore::http {

// After success the stream is connected to `to`.
[[nodiscard]] Task<Result<>> open_tunnel(net::ByteStream& stream, Proxy proxy, Authority to, Deadline deadline);

// How many bytes may be read after `head` without passing the empty line that ends it; 1 to 4.
[[nodiscard]] std::size_t bytes_before_end(std::string_view head) noexcept;

}  // namespace longshore::http

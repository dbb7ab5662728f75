// The serving end of one HTTP/1.1 connection.
//
// Requests are answered one after the other, pipelined ones in order. While a handler runs for long, the
// connection is read ahead, so that a client that leaves cancels its handler. Responses that fail after their head
// end in a reset, never cleanly.
// Source: RFC 9112, RFC 9110 §15.2 (interim responses), RFC 6455 §4.2 (WebSocket).
#pragma once

#include "http/session.hpp"

#include <memory>

namespace longshore::http::h1 {

// `already_read`: bytes of the stream that were read before.
[[nodiscard]] std::unique_ptr<Session> serve(std::unique_ptr<net::ByteStream> stream, net::Chunk already_read,
                                             ServerEnd end);

}  // namespace longshore::http::h1

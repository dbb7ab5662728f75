// The WebSocket handshake's key and its answer.
//
// Both are one hop's business: each end makes and checks its own. Source: RFC 6455 §4.
#pragma once

#include <string>
#include <string_view>

namespace longshore::http::h1 {

// Base64 of 16 bytes.
[[nodiscard]] bool is_valid_websocket_key(std::string_view key) noexcept;
// 16 random bytes in base64.
[[nodiscard]] std::string make_websocket_key();
// What Sec-WebSocket-Accept must say for `key`.
[[nodiscard]] std::string websocket_accept(std::string_view key);

}  // namespace longshore::http::h1

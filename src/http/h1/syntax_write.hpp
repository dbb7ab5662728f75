// HTTP/1.1 heads and chunk framing: from facts to bytes, appended to a string that the caller may reuse.
//
// Only what stands here frames a message: Host, Content-Length, Transfer-Encoding, Connection, Upgrade, Expect and
// the WebSocket fields are written from the facts, and such fields in `fields` are skipped. Names go out in
// Train-Case. Producers of Fields validate (fields.hpp); as a last defence a field that is not valid is left
// out, and bytes that may not stand in a request line are dropped.
//
// Threads: pure functions. Source: RFC 9112 §3-§7, RFC 6455 §4.
#pragma once

#include "http/h1/syntax.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace longshore::http::h1 {

// Views and references live for the call.
struct RequestOut {
    std::string_view method;
    const Target& target;  // authority-form when the method is CONNECT, "*" when its path is, else origin-form
    const Fields& fields;
    Framing framing = Framing::none;  // none, length or chunked
    std::uint64_t length = 0;
    bool keep_alive = true;  // false: Connection: close
    bool expect_continue = false;
    std::string_view websocket_key;  // not empty: asks for a WebSocket
};
void append_request_head(std::string& out, const RequestOut& head);

struct ResponseOut {
    Status status = 200;
    const Fields& fields;
    // none: neither field (304, or HEAD without a known length); length also for HEAD, and 0 for an empty body;
    // until_close says Connection: close. 1xx and 204 never carry either field.
    Framing framing = Framing::none;
    std::uint64_t length = 0;
    Version version = Version::http1_1;  // of the request; chunked is not for HTTP/1.0
    bool keep_alive = true;
    std::string_view date;              // IMF-fixdate; written unless empty or `fields` has one
    std::string_view websocket_accept;  // not empty: 101 to a WebSocket handshake
};
void append_response_head(std::string& out, const ResponseOut& head);

// 100, 103 and other interim responses (not 101).
void append_interim_head(std::string& out, Status status, const Fields& fields);

// "1a2b\r\n"; `size` is not 0, the data and "\r\n" follow.
void append_chunk_head(std::string& out, std::uint64_t size);
// "0\r\n", the trailers that are allowed there, "\r\n".
void append_last_chunk(std::string& out, const Fields& trailers);

}  // namespace longshore::http::h1

// HTTP/1.1 heads: from bytes to facts, strictly, without a socket.
//
// One reading or none: what two recipients could read differently is refused (bare CR or LF, NUL and other
// controls, obs-fold, space before a colon, a second Content-Length or Host, Content-Length beside
// Transfer-Encoding, any coding but one `chunked`). Nothing is forwarded raw: the writer (syntax_write.hpp) makes
// new bytes from the facts. Connection-level fields, framing fields, Host, Expect and the WebSocket key are taken
// out of `fields`; what they said stands beside it.
//
// Choices the RFCs leave open: one empty line before a request line is skipped, none before a status line; a
// status line may lack the space after its code; an absolute-form target must name the scheme of the connection
// and agree with Host; a WebSocket handshake with a bad key is 400, with another version than 13 is 426.
//
// Threads: pure functions. Cost: linear in the bytes, also when a head arrives byte by byte (see HeadScan).
// Source: RFC 9112 §2-§7 and §9, RFC 9110 §5-§7 and §10.1.1, RFC 6455 §4.
#pragma once

#include "http/message.hpp"

#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace longshore::http::h1 {

struct HeadLimits {
    std::size_t line_bytes = 16 * 1024;  // the request line or status line; above: 414 (502)
    std::size_t head_bytes = 32 * 1024;  // all of the head; above: 431 (502)
    std::size_t field_count = 200;       // above: 431 (502)
};

// What to answer before closing. For a response that cannot be read the status is 502.
struct ParseFailure {
    Status status = 400;
    std::string_view why;  // a literal
};
[[noreturn]] void throw_exception_from_error(const ParseFailure& failure, const boost::source_location& where);

template <class T>
using Parsed = boost::system::result<T, ParseFailure>;

enum class Framing : std::uint8_t { none, length, chunked, until_close };

struct RequestHead {
    Method method;
    Target target;
    Version version = Version::http1_1;
    Fields fields;
    Framing framing = Framing::none;  // none, length or chunked
    std::uint64_t length = 0;         // bytes; for Framing::length
    bool keep_alive = true;
    bool expects_continue = false;  // and has content
    bool accepts_trailers = false;  // TE: trailers
    Upgrade upgrade = Upgrade::none;
    std::string websocket_key;  // for Upgrade::websocket
    std::size_t bytes = 0;      // consumed, with a skipped empty line
};

struct ResponseHead {
    Version version = Version::http1_1;
    Status status = 200;
    Fields fields;
    Framing framing = Framing::none;
    std::optional<std::uint64_t> length;  // what Content-Length says, also where no body follows (HEAD, 304)
    bool keep_alive = true;
    bool switched = false;         // 101: the connection is another protocol's
    std::string upgrade;           // the Upgrade field of a 101
    std::string websocket_accept;  // Sec-WebSocket-Accept of a 101
    std::size_t bytes = 0;         // consumed
};

// How far the search for the end of the head got. Keep it between calls while `buffer` starts at the same byte
// and only grows; start from a new one for the next head.
struct HeadScan {
    std::size_t scanned = 0;  // bytes known not to end the head
    std::size_t line_at = 0;  // where the last line starts
    std::size_t lines = 0;    // complete lines
};

// `buffer` starts at the head and may hold more than it. Nothing: the head is not complete. `scheme` is that of
// the connection, "http" or "https".
[[nodiscard]] Parsed<std::optional<RequestHead>> parse_request_head(std::string_view buffer, std::string_view scheme,
                                                                    const HeadLimits& limits, HeadScan& scan);

// `request_method` is the method this answers: it decides whether a body follows. An interim response (1xx but 101)
// is a head like any other; the caller goes on with the next.
[[nodiscard]] Parsed<std::optional<ResponseHead>> parse_response_head(std::string_view buffer,
                                                                      std::string_view request_method,
                                                                      const HeadLimits& limits, HeadScan& scan);

}  // namespace longshore::http::h1

// What a codec tells about each exchange, once, when it is over.
//
// Over means: the last response byte was handed to the transport, the message was cut, or the client left. A
// request that never became a Request (malformed, too large) is told too, with what was understood of it.
//
// Threads: called on the connection's loop; implementations are safe to call from several loops.
#pragma once

#include "http/message.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace longshore::http {

enum class Ending : std::uint8_t {
    complete,     // the whole response was sent
    client_left,  // the client closed, reset or cancelled first
    cut           // we ended it early: `cause` says why
};

// A view: valid during the call. Text may hold any bytes a peer can send. The query is left out on purpose, as are
// all fields but User-Agent.
struct Exchange {
    std::string_view method;
    std::string_view authority;  // "host" or "host:port", as the target has it
    std::string_view path;
    Version version = Version::http1_1;
    Status status = 0;                                      // 0: no response head was sent
    std::uint64_t bytes_in = 0;                             // of the request body, decoded
    std::uint64_t bytes_out = 0;                            // of the response body, handed to the transport
    std::chrono::nanoseconds duration{0};                   // from the first request byte to the end
    std::optional<std::chrono::nanoseconds> to_first_byte;  // until the response head was written
    Ending ending = Ending::complete;
    std::optional<Errc> cause;
    std::string_view peer;       // "192.0.2.1:4711"
    std::string_view client_id;  // of the client's certificate, or empty
    std::uint64_t request_id = 0;
    std::string_view user_agent;
    std::span<const Note> notes;  // of the response
};

class ExchangeLog {
public:
    virtual ~ExchangeLog() = default;
    virtual void ended(const Exchange& exchange) noexcept = 0;
};

}  // namespace longshore::http

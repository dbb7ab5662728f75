// The one message model: every version, both directions, server and client.
//
// A body is a pull source: nobody reads a byte before somebody wants it, and trailers are its last event. A
// Response that accepted an upgrade carries a stream instead of a body. Handlers never learn the version.
//
// Threads: a message belongs to the loop that made it.
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "http/fields.hpp"
#include "http/target.hpp"
#include "net/chunk.hpp"
#include "net/reach.hpp"
#include "net/stream.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace longshore::http {

using Status = std::uint16_t;

// A method token; case matters (RFC 9110 §9.1).
using Method = std::string;

struct Trailers {
    Fields fields;
};
using BodyEvent = std::variant<net::Chunk, net::FileRange, Trailers>;

class BodySource {
public:
    virtual ~BodySource() = default;  // before Trailers: cancels
    // The next piece, at most `at_most` bytes of it; after Trailers it is not called again. One caller at a time.
    // A source that fails after the head was sent cuts the message.
    [[nodiscard]] virtual Task<Result<BodyEvent>> next(std::size_t at_most) = 0;
    virtual void cancel(Errc reason) noexcept = 0;
};

struct Body {
    std::variant<std::monostate, net::Chunk, net::FileRange, std::unique_ptr<BodySource>> content;
    std::optional<std::uint64_t> length;  // bytes; unknown: chunked, or END_STREAM
    bool touched = false;                 // a byte was pulled: no replay

    [[nodiscard]] static Body none();
    [[nodiscard]] static Body of(net::Chunk chunk);
    [[nodiscard]] static Body of(std::string text);
    [[nodiscard]] static Body of(net::FileRange range);
    [[nodiscard]] static Body of(std::unique_ptr<BodySource> source, std::optional<std::uint64_t> length);
    [[nodiscard]] bool empty() const noexcept { return content.index() == 0; }

    // The next event whatever the kind, ending with Trailers. Pulls move the content out.
    [[nodiscard]] Task<Result<BodyEvent>> next(std::size_t at_most);
};

// Pulls a whole body into memory; Errc::too_large above `limit_bytes`.
[[nodiscard]] Task<Result<std::string>> read_whole(Body& body, std::size_t limit_bytes);

enum class Upgrade : std::uint8_t { none, websocket, connect, connect_udp };
enum class Version : std::uint8_t { http1_0, http1_1, http2, http3 };

// How a request came in. Facts for logs and access decisions, never for choosing how to answer.
struct Connection {
    std::string peer;                // "192.0.2.1:4711"
    std::string local;               // "127.0.0.1:5000"
    std::string server_name;         // TLS SNI in lower case, or empty
    std::string client_certificate;  // DER, or empty
    std::string client_subject;      // of that certificate: "CN=builder,O=Example"
    std::string client_id;           // the first 16 hex digits of its SHA-256: what a log may say of it
    Version version = Version::http1_1;
    bool secure = false;
};
struct Arrival {
    std::shared_ptr<const Connection> connection;
    std::uint64_t request_id = 0;
};

struct ProxyRules;

// How a request may leave: for a Client that dials.
struct Egress {
    net::Reach reach = net::Reach::anywhere;    // which addresses may be dialled
    std::shared_ptr<const ProxyRules> proxies;  // null: the client's own
};

struct Request {
    Method method = "GET";
    Target target;
    Fields fields;
    Body body;
    Upgrade upgrade = Upgrade::none;
    Deadline deadline = Deadline::max();
    std::shared_ptr<const Arrival> arrival;
    Egress egress;
    std::move_only_function<void(Status, const Fields&)> interim;  // 103 and friends; empty: dropped
};

// What a handler wants to see in the access log: cache=hit, upstream_ms=12. Names are literals.
struct Note {
    std::string_view name;
    std::variant<std::string_view, std::uint64_t, std::string> value;
};

struct Response {
    Status status = 200;
    Fields fields;
    Body body;
    std::unique_ptr<net::ByteStream> stream;  // set iff an upgrade was accepted
    std::vector<Note> notes;
    bool from_public = true;  // of a Client: whoever answered may be outside of loopback and private networks

    [[nodiscard]] static Response text(Status status, std::string_view text);
};

// How far a request got before it failed: decides whether it may be sent elsewhere.
enum class Reached : std::uint8_t { nothing, head, body };
struct SendError {
    Error error;
    Reached reached = Reached::nothing;
    bool forbidden = false;  // by Egress::reach: nobody was dialled
};
[[noreturn]] void throw_exception_from_error(const SendError& error, const boost::source_location& where);
using Sent = boost::system::result<Response, SendError>;

class Handler {
public:
    virtual ~Handler() = default;
    // Never fails: failures are responses. Cancelled when the client leaves.
    [[nodiscard]] virtual Task<Response> handle(Request request) = 0;
};

class Client {
public:
    virtual ~Client() = default;
    // Returns at the response head, while the request body may still be pulled. Destroying the response cancels
    // what is left of the exchange. After a failure with an untouched body the same request may be sent again.
    [[nodiscard]] virtual Task<Sent> send(Request& request) = 0;
};

// The status for an error, in one table.
[[nodiscard]] Status status_for(Errc code) noexcept;
// "Not Found"; empty when unknown.
[[nodiscard]] std::string_view reason_phrase(Status status) noexcept;

}  // namespace longshore::http

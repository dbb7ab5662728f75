// One HTTP/2 stream of a session: what has come in, what is to go out, who works on it.
//
// Ownership: shared by the session and the bodies and byte streams handed out; after the session is gone `core` is
//            null and everything ends with an error.
// Threads:   the session's loop.
#pragma once

#include "http/session.hpp"
#include "net/rate_floor.hpp"
#include "net/scope.hpp"
#include "net/wait.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace longshore::http::h2 {

class Core;

// A header block while it is being decoded.
struct Block {
    std::string method;
    std::string scheme;
    std::string authority;
    std::string path;
    std::string protocol;
    std::string status;
    std::string cookie;  // crumbs joined (RFC 9113 §8.2.3)
    Fields fields;
    std::optional<std::uint64_t> length;
    std::optional<std::string> host;
    std::size_t bytes = 0;  // decoded, with 32 for each field (RFC 9113 §6.5.2)
    std::size_t count = 0;
    bool too_large = false;
    bool expects_continue = false;
};

struct Incoming {
    Block block;  // of the head
    Block trailer_block;
    bool head_done = false;  // the final head is complete; further blocks are trailers
    bool head_held = false;  // server: an empty body was announced, its end is awaited

    [[nodiscard]] Block& open_block() noexcept { return head_done || head_held ? trailer_block : block; }
    std::deque<net::Chunk> chunks;
    std::string tail;         // small DATA frames, gathered
    std::size_t held = 0;     // bytes in both: not yet given back to flow control
    std::uint64_t bytes = 0;  // of the body so far
    bool ended = false;       // END_STREAM
    bool taken = false;       // Trailers were given out
    Fields trailers;
    std::optional<net::RateFloor> floor;  // from the first pull
};

struct Outgoing {
    net::Chunk chunk;
    net::FileRange range;
    bool more = false;      // more may be put
    bool deferred = false;  // nghttp2 waits to be told
    bool drained = false;   // there was nothing to send for a moment since the last look for stalled streams
    bool tunnel = false;    // bytes of an upgrade, which may rest
    bool has_body = false;  // a data provider was given
    bool reading = false;   // a file is being read on the disk pool
    bool finished = false;  // END_STREAM was given to nghttp2
    Fields trailers;
    std::optional<std::uint64_t> length;
    std::uint64_t sent = 0;  // body bytes
    net::Event taken;

    [[nodiscard]] bool empty() const noexcept { return chunk.empty() && range.length == 0; }
    // There is something to send, and only the peer keeps it back.
    [[nodiscard]] bool held_by_peer() const noexcept { return !empty() && !reading && !tunnel; }
};

struct Stream : std::enable_shared_from_this<Stream> {
    std::int32_t id = -1;
    Core* core = nullptr;  // null: the session is gone
    Incoming in;
    Outgoing out;
    std::optional<Errc> gone;  // closed before its end
    bool refused = false;      // the peer did not process it
    bool closed = false;
    bool widened_too_far = false;           // by a WINDOW_UPDATE of its own
    std::optional<std::uint64_t> stuck_at;  // bytes sent when it was last seen waiting for the peer
    net::Event changed;                     // incoming bytes, head, end
    net::Leash work;                        // the handler or the body pump

    // Server.
    std::shared_ptr<const Arrival> arrival;
    std::optional<Load::Place> place;
    Method method;
    std::string authority;
    std::string path;
    std::string user_agent;
    std::vector<Note> notes;
    Deadline began{};
    std::optional<std::chrono::nanoseconds> to_first_byte;
    Status status = 0;
    std::optional<Errc> cut;  // why we gave up

    // Client.
    std::move_only_function<void(Status, const Fields&)> interim;
};

// The incoming body. Destroyed before its end: a client session resets the stream.
[[nodiscard]] std::unique_ptr<BodySource> body_of(std::shared_ptr<Stream> stream);
// The stream as bytes both ways, for upgrades.
[[nodiscard]] std::unique_ptr<net::ByteStream> bytes_of(std::shared_ptr<Stream> stream);

// Takes the next piece of the incoming body, waiting for it.
[[nodiscard]] Task<Result<BodyEvent>> pull(Stream& stream, std::size_t at_most, Deadline deadline);
// Hands one piece to the connection and waits until it was taken.
[[nodiscard]] Task<Result<>> put(Stream& stream, BodyEvent piece, Deadline deadline);
// Sends a whole body; a failure resets the stream.
[[nodiscard]] Task<> send_source(std::shared_ptr<Stream> stream, std::unique_ptr<BodySource> source);

}  // namespace longshore::http::h2

// The one relay for upgraded connections: bytes both ways until both directions have ended.
//
// An end of one direction is passed on as an end; where a stream cannot half-close, both directions end with it.
// A failure of either stream aborts both. A WebSocket can be told goodbye: the relay follows where the origin's
// frames begin, puts a close frame with status 1001 between two of them, and gives the client time to answer it.
//
// Ownership: both streams outlive it. Threads: one loop.
// Source:    RFC 6455 §5.5.1, §7.1.1.
#pragma once

#include "http/message.hpp"
#include "http/websocket_frames.hpp"
#include "net/scope.hpp"
#include "net/stream.hpp"
#include "net/wait.hpp"

#include <cstdint>

namespace longshore::http {

class Relay {
public:
    Relay(net::ByteStream& client, net::ByteStream& origin, Upgrade kind)
        : client_(client), origin_(origin), websocket_(kind == Upgrade::websocket) {}

    // Once; ends when both directions have.
    [[nodiscard]] Task<> run();
    // True when the client is being told. Bounded: two seconds after it was told, the relay has ended.
    bool farewell() noexcept;
    // Bytes moved towards the client.
    [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }

private:
    [[nodiscard]] static Task<> from_client(Relay& self);
    [[nodiscard]] static Task<> from_origin(Relay& self);
    [[nodiscard]] static Task<> part(Relay& self);
    [[nodiscard]] Task<> end(net::ByteStream& to);
    void abort(Errc reason) noexcept;

    net::ByteStream& client_;
    net::ByteStream& origin_;
    bool websocket_;
    bool leaving_ = false;
    bool parting_ = false;
    bool reading_ = false;      // from the origin
    bool client_over_ = false;  // its direction has ended
    WebSocketFrames client_frames_;
    WebSocketFrames origin_frames_;
    net::Event answered_;
    net::Leash origin_leash_;
    net::Scope scope_;
    std::uint64_t sent_ = 0;
};

}  // namespace longshore::http

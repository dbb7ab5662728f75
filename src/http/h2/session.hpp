// One HTTP/2 connection, in either role, over any byte stream (nghttp2 does the framing).
//
// Role is not direction: a client session may run on a connection that was accepted, a server session on one that
// was dialled. As a server it hands requests to the ServerEnd's handler, each in a child of its own; as a client
// it is a `Client`. Flow-control windows open as bodies are pulled, so that a reader that stops stops its sender.
//
// Ownership: `run` drives everything and must be awaited; destroying the session afterwards ends what is left.
// Threads:   one loop. Errors of `send`: as ByteStream, overloaded (no more streams: accepts() is false),
//            Reached by what went out; a stream refused by the peer unprocessed (REFUSED_STREAM, or above the last
//            stream of a GOAWAY) is Reached::nothing.
// Source:    RFC 9113, RFC 7541, RFC 8441 (extended CONNECT).
#pragma once

#include "base/disk_pool.hpp"
#include "http/session.hpp"

#include <memory>

namespace longshore::http::h2 {

class Core;

class Session final : public http::Session, public Client {
public:
    // `already_read`: bytes of the stream that were read before (the preface, when it was sniffed).
    [[nodiscard]] static std::shared_ptr<Session> server(std::unique_ptr<net::ByteStream> stream,
                                                         net::Chunk already_read, ServerEnd end, DiskPool& disk);
    [[nodiscard]] static std::shared_ptr<Session> client(std::unique_ptr<net::ByteStream> stream,
                                                         const SessionOptions& options, DiskPool& disk);
    ~Session() override;

    [[nodiscard]] Task<> run() override;
    void drain(std::chrono::nanoseconds quiet) noexcept override;
    std::size_t farewell() noexcept override;
    [[nodiscard]] std::optional<Deadline> idle_since() const noexcept override;
    void close_idle() noexcept override;
    // Client role. Ends at the response head.
    [[nodiscard]] Task<Sent> send(Request& request) override;
    // Client role: whether another stream may be opened now.
    [[nodiscard]] bool accepts() const noexcept;

private:
    explicit Session(std::shared_ptr<Core> core);
    std::shared_ptr<Core> core_;
};

}  // namespace longshore::http::h2

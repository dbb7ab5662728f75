// The asking end of one HTTP/1.1 connection: one exchange at a time.
//
// Ownership: shared by the pool and the response body that reads from it; a response destroyed before its body
// ended aborts the connection.
// Threads:   one loop. Errors of `exchange`: as ByteStream, corrupt for an answer that is not HTTP, timeout at the
//            request's deadline.
// Source:    RFC 9112, RFC 9110 §15.2, RFC 6455 §4.1.
#pragma once

#include "http/h1/wire.hpp"
#include "http/session.hpp"
#include "net/scope.hpp"

#include <functional>
#include <memory>

namespace longshore::http::h1 {

class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
public:
    // `pumps` runs request bodies that are still being sent when the response head is here; it outlives the
    // connection. `options` outlives it too.
    ClientConnection(std::unique_ptr<net::ByteStream> stream, const SessionOptions& options, net::Scope& pumps);

    // `scheme` is the connection's.
    [[nodiscard]] Task<Sent> exchange(Request& request);
    void abort(Errc reason) noexcept;

    // After an exchange failed: the connection had been used before and not a byte came back, so that the peer most
    // likely closed it while it was idle.
    [[nodiscard]] bool went_stale() const noexcept { return exchanges_ > 1 && !answered_; }
    // Called once for each exchange when its response has been read to the end: whether the connection can be used
    // again.
    std::function<void(bool reusable)> on_end;

private:
    class ResponseBody;
    class UpgradedStream;
    class WatchedSource;
    struct Pump;

    [[nodiscard]] Task<Result<>> send_head(Request& request);
    [[nodiscard]] Task<Sent> receive(Request& request);
    [[nodiscard]] Sent respond(const Request& request, ResponseHead head);
    [[nodiscard]] Sent upgraded(const Request& request, ResponseHead head);
    void end(bool reusable);
    static Task<> pump(std::shared_ptr<ClientConnection> connection, std::shared_ptr<Pump> pump);

    std::unique_ptr<net::ByteStream> stream_;
    const SessionOptions& options_;
    net::Scope& pumps_;
    Input input_;
    std::string out_;
    std::string websocket_key_;
    std::shared_ptr<Pump> pump_;
    std::uint64_t exchanges_ = 0;
    bool answered_ = false;
    bool ended_ = true;
};

}  // namespace longshore::http::h1

// Serves HTTP on listeners of one loop: accept, TLS within the limits of handshakes, choice of codec, sessions, drain.
//
// The version is chosen by ALPN, or by the HTTP/2 preface on cleartext connections. Every connection runs in the
// server's scope.
//
// Beyond the connections that its load allows, those that have been idle for longest make room; when none is idle,
// accepting waits.
//
// Ownership: `co_await join()` before destroying it. Handler, load, log, contexts and options outlive it.
// Threads:   one loop.
#pragma once

#include "base/disk_pool.hpp"
#include "base/metrics.hpp"
#include "http/session.hpp"
#include "net/listener.hpp"
#include "net/scope.hpp"
#include "tls/handshakes.hpp"
#include "tls/server.hpp"

#include <memory>
#include <vector>

namespace longshore::http {

class Server : private net::Timer {
public:
    struct Parts {
        Handler& handler;
        Load& load;
        ExchangeLog* log;  // may be null
        const SessionOptions& options;
        DiskPool& disk;
        Metrics* metrics = nullptr;  // may be null
    };
    Server(net::Loop& loop, Parts parts) : loop_(loop), parts_(parts) {}
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // On the loop. `tls` null: cleartext.
    void listen(std::unique_ptr<net::Listener> listener, const tls::ServerContext* tls = nullptr);
    // Stops accepting; connections close as their requests end (Session::drain says how), those on which nothing was
    // ever asked after `quiet`.
    void drain(std::chrono::nanoseconds quiet) noexcept;
    // Session::farewell of every connection.
    std::size_t farewell() noexcept;
    // Ends every connection at once.
    void cancel() noexcept { scope_.cancel(); }
    // Ends when the last connection has.
    [[nodiscard]] Task<> join();
    [[nodiscard]] std::size_t connections() const noexcept { return sessions_.size(); }
    // Their limits, and their counts. Its measurements may be read from any thread.
    [[nodiscard]] tls::Handshakes& handshakes() noexcept { return handshakes_; }
    [[nodiscard]] const tls::Handshakes& handshakes() const noexcept { return handshakes_; }

private:
    [[nodiscard]] static Task<> accept_all(Server& server, net::Listener& listener, const tls::ServerContext* tls);
    using Handshake = std::unique_ptr<tls::Handshakes::Place>;
    void admit(std::unique_ptr<net::TcpStream> stream, const tls::ServerContext* tls, Load::Place room);
    [[nodiscard]] static Task<> serve(Server& server, std::unique_ptr<net::TcpStream> stream,
                                      const tls::ServerContext* tls, Load::Place room, Handshake handshake);
    [[nodiscard]] Task<std::optional<Load::Place>> make_room();
    [[nodiscard]] Task<bool> pause(Load::Pause why);
    void close_idlest() noexcept;
    [[nodiscard]] Task<> serve_secure(std::unique_ptr<net::TcpStream> stream, const tls::ServerContext& tls,
                                      Handshake handshake);
    [[nodiscard]] Task<> serve_clear(std::unique_ptr<net::TcpStream> stream);
    [[nodiscard]] Task<> run(std::shared_ptr<Session> session);
    void fire() noexcept override;
    [[nodiscard]] ServerEnd end_for(const net::TcpStream& stream) const;

    net::Loop& loop_;
    Parts parts_;
    tls::Handshakes handshakes_;
    net::Scope scope_;
    std::vector<std::unique_ptr<net::Listener>> listeners_;
    std::vector<Session*> sessions_;
    std::size_t looked_at_ = 0;            // the next session to ask whether it is idle
    std::vector<net::TcpStream*> silent_;  // have not said a word
    bool draining_ = false;
    std::chrono::nanoseconds quiet_{};
};

}  // namespace longshore::http

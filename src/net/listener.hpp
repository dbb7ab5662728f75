// Accepting connections.
//
// TCP listeners are opened once per loop with SO_REUSEPORT, so that the kernel spreads connections; a probe
// socket without it is bound first, so that a port held by another process is an error that says so. Unix
// listeners belong to one loop. Sockets that were inherited are used as they are: where there are fewer than loops,
// loops share one.
#pragma once

#include "base/error.hpp"
#include "net/descriptor.hpp"
#include "net/loop.hpp"
#include "net/tcp.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::net {

// "127.0.0.1:5000", "[::1]:5000", ":5000" (all addresses), "localhost:5000", "unix:/run/x.sock". Port 0: any free one.
struct ListenAddress {
    std::string host;  // IP literal; empty with `path`
    std::uint16_t port = 0;
    std::string path;  // Unix socket
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] static Result<ListenAddress> parse(std::string_view text);
};

class InheritedSockets;

// Who removes a Unix socket's file: the process that we follow does until we `claim_path`.
enum class PathOwner : std::uint8_t { us, another, predecessor };

// A listening socket that another process opened.
struct InheritedSocket {
    Descriptor descriptor;
    ListenAddress address;
    PathOwner owner = PathOwner::us;
};

class Listener {
public:
    // One listening socket; `siblings` others may share its TCP port from this process. A Unix socket file left by a
    // process that is gone is replaced; one that answers is Errc::conflict. New socket files have mode 0600.
    [[nodiscard]] static Result<std::unique_ptr<Listener>> open(Loop& loop, const ListenAddress& address);
    // At least one Listener per loop on the same address (for Unix: on the first loop only): on the sockets of
    // `inherited` that are bound to it, else on new ones.
    [[nodiscard]] static Result<std::vector<std::unique_ptr<Listener>>> open_on_all(
        std::span<Loop* const> loops, ListenAddress address, InheritedSockets* inherited = nullptr);
    ~Listener();

    // The next connection. Ends with Errc::cancelled after close() or when the scope is cancelled, and with
    // Errc::overloaded when there is a connection but no descriptor for it: try again after a pause.
    [[nodiscard]] Task<Result<std::unique_ptr<TcpStream>>> accept();
    void close() noexcept;
    // With the real port.
    [[nodiscard]] const ListenAddress& address() const noexcept { return address_; }
    [[nodiscard]] Loop& loop() noexcept { return loop_; }
    // The same socket again, for a process that follows.
    [[nodiscard]] Result<Descriptor> duplicate();
    // Another process uses the socket now: its file stays when this one closes.
    void leave_path() noexcept { owner_ = PathOwner::another; }
    // The process we follow has left it to us.
    void claim_path() noexcept {
        if (owner_ == PathOwner::predecessor) owner_ = PathOwner::us;
    }

private:
    Listener(Loop& loop, int descriptor, ListenAddress address);
    [[nodiscard]] static Result<std::vector<std::unique_ptr<Listener>>> adopt_on_all(
        std::span<Loop* const> loops, std::vector<InheritedSocket> sockets);
    Loop& loop_;
    boost::asio::generic::stream_protocol::socket socket_;
    ListenAddress address_;
    PathOwner owner_ = PathOwner::us;
};

}  // namespace longshore::net

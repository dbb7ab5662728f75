// From one process to the next without losing a connection: the old one hands over the very sockets it listens on,
// and the lock of the data directory, then drains.
//
//     new -> old   "longshore hand-over 1\n", on <data_dir>/hand-over.sock
//     old -> new   one byte and its descriptor at a time: 'D' the lock, 'L' a listening socket; at last 'E' alone.
//                  'B' instead of all: the process that the old one follows still drains
//     new -> old   'S': it serves; from here on the old one only drains
//
// The connection ends with the old process; the new one then removes what it left. Until 'S' the old one serves as if
// nothing had happened, whatever becomes of the new one. Both must run as the same user, or the new one as root.
#pragma once

#include "base/data_dir.hpp"
#include "net/inherited.hpp"
#include "net/loop.hpp"
#include "net/passing.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace longshore::app {

[[nodiscard]] std::string hand_over_socket(const std::string& data_dir);

// The old side. Threads: made before the loops run; `serve` and `close` on the loop of the door.
class HandOver {
public:
    // `taken_over` is called once, on the loop, when the new process serves. `lock` is the data directory's.
    HandOver(int lock, std::function<void()> taken_over);

    // A listener that the next process gets. It outlives `close`.
    [[nodiscard]] Result<> offer(net::Listener& listener);
    // The files of Unix sockets that the process we follow opened are ours.
    void claim_paths() noexcept;
    // Nothing is handed over before the process that we follow has ended.
    void wait_for_predecessor() noexcept { followed_ = false; }
    void predecessor_ended() noexcept { followed_ = true; }

    // Answers at the door until it is closed.
    [[nodiscard]] Task<> serve(net::Listener& door);
    // The sockets are nobody's but the listeners' again.
    void close() noexcept;

private:
    [[nodiscard]] Task<Result<bool>> answer(net::TcpStream& stream);
    [[nodiscard]] Task<Result<>> give_all(net::TcpStream& stream, Deadline deadline);

    net::Descriptor lock_;
    std::vector<net::Descriptor> sockets_;
    std::vector<net::Listener*> unix_listeners_;
    std::function<void()> taken_over_;
    std::unique_ptr<net::TcpStream> successor_;  // open as long as we live
    bool followed_ = true;
};

// The new side: the process that uses the data directory now.
class Predecessor {
public:
    // Nothing when nobody answers there. Its sockets go to `sockets`. Blocks, `patience` at most while a process before
    // that one drains.
    [[nodiscard]] static Result<std::optional<Predecessor>> find(const std::string& socket_path,
                                                                 std::chrono::milliseconds patience,
                                                                 net::InheritedSockets& sockets);

    [[nodiscard]] int release_lock() noexcept { return lock_.release(); }
    // We serve.
    [[nodiscard]] Result<> dismiss();
    // Until that process has ended: true; false when the calling scope is cancelled before. Once.
    [[nodiscard]] Task<bool> gone();

private:
    explicit Predecessor(net::Descriptor connection) : connection_(std::move(connection)) {}
    [[nodiscard]] Result<bool> receive(net::InheritedSockets& sockets);

    net::Descriptor connection_;
    net::Descriptor lock_;
};

}  // namespace longshore::app

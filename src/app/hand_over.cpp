#include "app/hand_over.hpp"

#include "base/log.hpp"
#include "net/wait.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace longshore::app {
namespace {

constexpr std::string_view k_greeting = "longshore hand-over 1\n";
constexpr std::chrono::seconds k_manners{5};          // for every step but the start of the new process
constexpr std::chrono::seconds k_start_patience{60};  // from the sockets to 'S'
constexpr std::chrono::milliseconds k_ask_again{100};
constexpr std::size_t k_most = 4096;  // descriptors

enum Mark : char { k_lock = 'D', k_listener = 'L', k_end = 'E', k_busy = 'B', k_serving = 'S' };

Task<Result<std::string>> read_exactly(net::TcpStream& stream, std::size_t size, Deadline deadline) {
    std::string got;
    while (got.size() < size) {
        auto chunk = co_await stream.read(size - got.size(), deadline);
        if (!chunk) co_return chunk.error();
        if (chunk->empty()) co_return Error{Errc::peer_closed, "the new process ended"};
        got += chunk->text();
    }
    co_return got;
}

// A connection to the door; open() is false when nobody answers there.
Result<net::Descriptor> knock(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return net::Descriptor{};
    std::ranges::copy(path, address.sun_path);
    net::Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!socket.open()) return errno_error(errno, "opening a socket for " + path);
    const timeval limit{k_manners.count(), 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
    if (errno == ENOENT || errno == ECONNREFUSED) return net::Descriptor{};
    return errno_error(errno, path + " connect");
}

Result<> say(int socket, std::string_view words) {
    const auto sent = ::send(socket, words.data(), words.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(words.size())) return {};
    return errno_error(sent < 0 ? errno : EIO, "asking for the hand-over");
}

}  // namespace

std::string hand_over_socket(const std::string& data_dir) { return data_dir + "/hand-over.sock"; }

HandOver::HandOver(int lock, std::function<void()> taken_over)
    : lock_(::fcntl(lock, F_DUPFD_CLOEXEC, 0)), taken_over_(std::move(taken_over)) {}

Result<> HandOver::offer(net::Listener& listener) {
    auto socket = listener.duplicate();
    if (!socket) return socket.error();
    sockets_.push_back(std::move(*socket));
    if (!listener.address().path.empty()) unix_listeners_.push_back(&listener);
    return {};
}

void HandOver::claim_paths() noexcept {
    for (auto* const listener : unix_listeners_) listener->claim_path();
}

void HandOver::close() noexcept {
    lock_.reset();
    sockets_.clear();
    unix_listeners_.clear();
}

Task<> HandOver::serve(net::Listener& door) {
    for (;;) {
        auto stream = co_await door.accept();
        if (!stream && stream.error().code == Errc::overloaded) {
            (void)co_await net::sleep(net::Loop::current().now() + k_ask_again);
            continue;
        }
        if (!stream) co_return;
        auto taken = co_await answer(**stream);
        if (!taken) {
            log(LogLevel::warning, "hand_over_failed", {{"why", to_string(taken.error())}});
        } else if (*taken) {
            successor_ = std::move(*stream);
            taken_over_();
            co_return;
        }
    }
}

// Whether the other process has taken over.
Task<Result<bool>> HandOver::answer(net::TcpStream& stream) {
    const auto user = net::peer_user(stream.descriptor());
    if (!user) co_return user.error();
    if (*user != 0 && *user != ::geteuid()) {
        co_return Error{Errc::denied, "user " + std::to_string(*user) + " may not take over"};
    }
    auto& loop = net::Loop::current();
    auto greeting = co_await read_exactly(stream, k_greeting.size(), loop.now() + k_manners);
    if (!greeting) co_return greeting.error();
    if (*greeting != k_greeting) co_return Error{Errc::invalid, "the new process speaks another hand-over"};
    if (!followed_) {
        auto told = co_await net::pass(stream, k_busy, -1, loop.now() + k_manners);
        if (!told) co_return told.error();
        co_return false;
    }
    log(LogLevel::info, "handing_over", {{"sockets", sockets_.size()}});
    auto given = co_await give_all(stream, loop.now() + k_manners);
    if (!given) co_return given.error();
    auto serving = co_await read_exactly(stream, 1, loop.now() + k_start_patience);
    if (!serving) co_return serving.error();
    if (serving->front() != k_serving) co_return Error{Errc::invalid, "the new process says something else"};
    co_return true;
}

Task<Result<>> HandOver::give_all(net::TcpStream& stream, Deadline deadline) {
    if (!lock_.open()) co_return Error{Errc::cancelled, "this process is ending"};
    auto passed = co_await net::pass(stream, k_lock, lock_.get(), deadline);
    for (std::size_t i = 0; passed && i < sockets_.size(); ++i) {
        passed = co_await net::pass(stream, k_listener, sockets_[i].get(), deadline);
    }
    if (!passed) co_return passed;
    for (auto* const listener : unix_listeners_) listener->leave_path();
    passed = co_await net::pass(stream, k_end, -1, deadline);
    co_return passed;
}

Result<std::optional<Predecessor>> Predecessor::find(const std::string& socket_path, std::chrono::milliseconds patience,
                                                     net::InheritedSockets& sockets) {
    const auto until = std::chrono::steady_clock::now() + patience;
    for (;;) {
        auto connection = knock(socket_path);
        if (!connection) return connection.error();
        if (!connection->open()) return std::optional<Predecessor>{};
        Predecessor found{std::move(*connection)};
        if (auto greeted = say(found.connection_.get(), k_greeting); !greeted) return greeted.error();
        const auto complete = found.receive(sockets);
        if (!complete) return complete.error();
        if (*complete) return std::optional<Predecessor>{std::move(found)};
        if (std::chrono::steady_clock::now() >= until) {
            return Error{Errc::timeout, "the process before the one that runs has not ended: try again later"};
        }
        std::this_thread::sleep_for(k_ask_again);
    }
}

// Everything up to the end. False: not yet.
Result<bool> Predecessor::receive(net::InheritedSockets& sockets) {
    for (std::size_t i = 0; i < k_most; ++i) {
        auto passed = net::receive_passed(connection_.get());
        if (!passed) return passed.error();
        if (passed->mark == k_busy) return false;
        if (passed->mark == k_end && lock_.open()) return true;
        if (passed->mark == k_lock && passed->descriptor.open()) {
            lock_ = std::move(passed->descriptor);
        } else if (passed->mark == k_listener && passed->descriptor.open()) {
            if (auto added = sockets.add(std::move(passed->descriptor), net::PathOwner::predecessor); !added) {
                return added.error();
            }
        } else {
            break;
        }
    }
    return Error{Errc::invalid, "the process that runs hands over what this one does not understand"};
}

Result<> Predecessor::dismiss() { return say(connection_.get(), std::string_view{"S"}); }

Task<bool> Predecessor::gone() {
    auto& loop = net::Loop::current();
    net::TcpStream::Socket socket{loop.context()};
    socket.assign(boost::asio::generic::stream_protocol{AF_UNIX, 0}, connection_.release());
    socket.native_non_blocking(true);
    net::TcpStream stream{loop, std::move(socket)};
    const auto end = co_await stream.read(1, Deadline::max());
    co_return end || end.error().code != Errc::cancelled;
}

}  // namespace longshore::app

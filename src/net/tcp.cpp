#include "net/tcp.hpp"

#include "net/copy_file.hpp"
#include "net/reach.hpp"
#include "net/wait.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

namespace longshore::net {
namespace asio = boost::asio;
namespace {

constexpr std::uint64_t k_sendfile_slice = 2 * 1024 * 1024;  // bytes per call
constexpr std::uint64_t k_turn = 8 * 1024 * 1024;   // bytes to a fast reader before the loop's others have a turn
constexpr int k_short_queue = 256 * 1024;           // bytes the kernel takes beyond what a new peer has room for
constexpr std::uint64_t k_proof = 4 * 1024 * 1024;  // bytes by which a peer has shown that it reads
constexpr std::uint64_t k_corked = 64 * 1024;       // bytes from which holding back short segments pays

using Endpoint = TcpStream::Socket::endpoint_type;

std::optional<asio::ip::tcp::endpoint> as_ip(const Endpoint& endpoint) {
    asio::ip::tcp::endpoint ip;
    if (endpoint.data()->sa_family == AF_UNIX || endpoint.size() > ip.capacity()) return std::nullopt;
    std::memcpy(ip.data(), endpoint.data(), endpoint.size());
    ip.resize(endpoint.size());
    return ip;
}

std::string describe(const Endpoint& endpoint) {
    const auto ip = as_ip(endpoint);
    if (!ip) return endpoint.data()->sa_family == AF_UNIX ? "unix:" : "unknown";
    const auto host = ip->address().to_string();
    return (ip->address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(ip->port());
}

bool is_public(const Endpoint& endpoint) {
    const auto ip = as_ip(endpoint);
    return ip && net::is_public(ip->address());
}

}  // namespace

Corked::Corked(TcpStream& stream, std::uint64_t bytes) noexcept : stream_(stream), wanted_(bytes >= k_corked) {
    set(1);
}

Corked::~Corked() { set(0); }

void Corked::set(int on) noexcept {
    if (wanted_) ::setsockopt(stream_.descriptor(), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

TcpStream::TcpStream(Loop& loop, Socket socket) : loop_(loop), socket_(std::move(socket)) {
    boost::system::error_code ignored;
    socket_.native_non_blocking(true, ignored);
    const auto peer = socket_.remote_endpoint(ignored);
    if (!ignored) peer_ = describe(peer);
    if (!ignored) peer_is_public_ = is_public(peer);
    const auto local = socket_.local_endpoint(ignored);
    if (!ignored) local_ = describe(local);
    const int on = 1;
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    limit_queue(k_short_queue);
}

void TcpStream::limit_queue(int bytes) noexcept {
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

void TcpStream::taken(std::uint64_t bytes) noexcept {
    if (taken_ >= k_proof) return;
    taken_ += bytes;
    if (taken_ >= k_proof) limit_queue(0);  // the system's own limit
}

TcpStream::~TcpStream() { abort(Errc::cancelled); }

void TcpStream::abort(Errc reason) noexcept {
    if (aborted_) return;
    aborted_ = reason;
    reading_.disarm();
    writing_.disarm();
    boost::system::error_code ignored;
    // A stream that did not end properly must not look as if it had: the peer gets a reset.
    if (!finished_) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

void TcpStream::Wait::fire() noexcept {
    timed_out = true;
    boost::system::error_code ignored;
    stream.socket_.cancel(ignored);
}

Error TcpStream::failed(int number, const char* doing) const {
    if (aborted_) return {*aborted_, std::string{doing} + " " + peer_ + ": connection was given up"};
    return errno_error(number, std::string{doing} + " " + peer_);
}

void TcpStream::set_pace(Pace pace) noexcept {
    if (!write_floor_.is(pace.write_rate, pace.write_idle)) write_floor_ = {pace.write_rate, pace.write_idle};
    pace_ = pace;
}

// Bytes that the peer's machine has not taken. The socket is writable again only when a third of its buffer is free,
// which a slow reader of a large buffer may not manage for minutes.
std::int64_t TcpStream::unsent() noexcept {
    int bytes = 0;
    return ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

Task<Result<>> TcpStream::wait(Direction direction, Wait& state, Deadline deadline) {
    const bool writing = direction == Direction::writable;
    const auto type = writing ? Socket::wait_write : Socket::wait_read;
    const auto idle_until = after(loop_.now(), pace_.read_idle);
    for (;;) {
        if (aborted_) co_return Error{*aborted_, "connection to " + peer_ + " was given up"};
        const bool cancelled = co_await is_cancelled();
        if (cancelled) co_return Error{Errc::cancelled, "waiting for " + peer_};
        state.timed_out = false;
        const auto began = loop_.now();
        const auto before = writing ? unsent() : 0;
        loop_.timers().arm(state, std::min(deadline, writing ? write_floor_.limit(began) : idle_until));
        const auto [error] = co_await socket_.async_wait(type, asio::as_tuple(asio::use_awaitable));
        state.disarm();
        if (writing && !aborted_) {
            write_floor_.waited(loop_.now() - began);
            write_floor_.moved(static_cast<std::uint64_t>(std::max<std::int64_t>(before - unsent(), error ? 0 : 1)));
        }
        if (!error) co_return Result<>{};
        if (state.timed_out && (!writing || write_floor_.spent() || loop_.now() >= deadline)) {
            co_return Error{Errc::timeout, "waiting for " + peer_};
        }
        // Somebody else's deadline on the same socket also ends our wait: go on with what is left of ours.
        if (error != asio::error::operation_aborted) co_return failed(error.value(), "waiting for");
    }
}

Task<Result<>> TcpStream::wait_readable(Deadline deadline) { return wait(Direction::readable, reading_, deadline); }
Task<Result<>> TcpStream::wait_writable(Deadline deadline) { return wait(Direction::writable, writing_, deadline); }

Task<Result<Chunk>> TcpStream::read(std::size_t at_most, Deadline deadline) {
    for (;;) {
        if (aborted_) co_return failed(ECANCELED, "reading from");
        {
            auto slab = loop_.slabs().get(at_most);
            const auto room = std::min(at_most, slab.room.size());
            const auto got = ::recv(socket_.native_handle(), slab.room.data(), room, 0);
            if (got >= 0) co_return std::move(slab).take(static_cast<std::size_t>(got));
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) co_return failed(errno, "reading from");
        auto ready = co_await wait_readable(deadline);
        if (!ready) co_return ready.error();
    }
}

Task<Result<>> TcpStream::write(Chunk chunk, Deadline deadline) {
    auto rest = chunk.bytes;
    while (!rest.empty()) {
        if (aborted_) co_return failed(ECANCELED, "writing to");
        const auto sent = ::send(socket_.native_handle(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            rest = rest.subspan(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) co_return failed(errno, "writing to");
        auto ready = co_await wait_writable(deadline);
        if (!ready) co_return ready.error();
    }
    co_return Result<>{};
}

Task<Result<>> TcpStream::write_file(FileRange range, Deadline deadline) {
    if (range.file->descriptor() < 0) {
        auto copied = co_await copy_file(*this, std::move(range), deadline);
        co_return copied;
    }
    auto offset = static_cast<off_t>(range.offset);
    const auto end = offset + static_cast<off_t>(range.length);
    const Corked corked{*this, range.length};
    while (offset < end) {
        if (aborted_) co_return failed(ECANCELED, "writing to");
        const auto slice = std::min<std::uint64_t>(static_cast<std::uint64_t>(end - offset), k_sendfile_slice);
        const auto sent = ::sendfile(socket_.native_handle(), range.file->descriptor(), &offset, slice);
        if (sent > 0) {
            sent_in_turn_ += static_cast<std::uint64_t>(sent);
            taken(static_cast<std::uint64_t>(sent));
        }
        if (sent_in_turn_ >= k_turn) {
            sent_in_turn_ = 0;
            co_await yield();
        }
        if (sent > 0) continue;
        if (sent == 0) co_return Error{Errc::corrupt, "a file being sent is shorter than it was"};
        if (errno == EINTR) continue;
        if (errno != EAGAIN) co_return failed(errno, "writing to");
        sent_in_turn_ = 0;
        auto ready = co_await wait_writable(deadline);
        if (!ready) co_return ready.error();
    }
    co_return Result<>{};
}

Task<Result<>> TcpStream::finish(Deadline) {
    if (aborted_) co_return failed(ECANCELED, "closing");
    finished_ = true;
    boost::system::error_code error;
    socket_.shutdown(Socket::shutdown_send, error);
    if (error) co_return failed(error.value(), "closing");
    co_return Result<>{};
}

}  // namespace longshore::net

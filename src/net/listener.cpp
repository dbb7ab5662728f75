#include "net/listener.hpp"

#include "net/inherited.hpp"
#include "net/port_holder.hpp"
#include "net/wait.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace longshore::net {
namespace asio = boost::asio;
namespace {

constexpr int k_backlog = 4096;

using Endpoint = asio::generic::stream_protocol::endpoint;

Endpoint endpoint_of(const ListenAddress& address) {
    if (!address.path.empty()) return asio::local::stream_protocol::endpoint{address.path};
    return asio::ip::tcp::endpoint{asio::ip::make_address(address.host), address.port};
}

enum class Share : bool { no, yes };

Result<int> bound_socket(const ListenAddress& address, Share share) {
    const auto endpoint = endpoint_of(address);
    Descriptor socket{::socket(endpoint.data()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (socket.get() < 0) return errno_error(errno, "opening a socket for " + address.to_string());
    const int on = 1;
    if (endpoint.data()->sa_family != AF_UNIX) {
        ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (share == Share::yes) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    if (endpoint.data()->sa_family == AF_INET6) {
        const int v6_only = address.host == "::" ? 0 : 1;
        ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    }
    if (::bind(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) {
        return errno_error(errno, "listening on " + address.to_string());
    }
    return socket.release();
}

// Whether a process answers on a Unix socket; a file left behind by one that is gone is removed.
Result<> clear_stale(const ListenAddress& address) {
    struct stat status{};
    if (::lstat(address.path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return {};
    const Descriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto endpoint = endpoint_of(address);
    if (::connect(probe.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0) {
        return Error{Errc::conflict, "listening on " + address.to_string() + ": another process answers there"};
    }
    ::unlink(address.path.c_str());
    return {};
}

// " (held by nginx, pid 17)", or nothing when it cannot be seen.
std::string holder_note(std::uint16_t port) {
    const auto holder = port_holder(system_files(), port);
    if (!holder) return {};
    return " (held by " + holder->program + ", pid " + std::to_string(holder->pid) + ")";
}

}  // namespace

std::string ListenAddress::to_string() const {
    if (!path.empty()) return "unix:" + path;
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
    const auto refuse = [text](const char* why) {
        return Error{Errc::invalid, "listen address \"" + std::string{text} + "\" " + why};
    };
    ListenAddress address;
    if (text.starts_with("unix:")) {
        address.path = text.substr(5);
        if (!address.path.starts_with('/')) return refuse("needs an absolute path, as in unix:/run/longshore.sock");
        if (address.path.size() >= sizeof(sockaddr_un{}.sun_path)) return refuse("is too long for a Unix socket");
        return address;
    }
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return refuse("lacks a port, as in 127.0.0.1:5000");
    const auto port = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc{} || end != port.data() + port.size()) return refuse("has a port that is not 0 to 65535");
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return refuse("needs its IPv6 address in brackets");
    }
    if (host.empty() || host == "*") {
        address.host = "::";
    } else if (host == "localhost") {
        address.host = "127.0.0.1";
    } else {
        boost::system::error_code wrong;
        const auto ip = asio::ip::make_address(std::string{host}, wrong);
        if (wrong) return refuse("needs an IP address before the port");
        address.host = ip.to_string();
    }
    return address;
}

Listener::Listener(Loop& loop, int descriptor, ListenAddress address)
    : loop_(loop), socket_(loop.context()), address_(std::move(address)) {
    const auto family = endpoint_of(address_).protocol().family();
    socket_.assign(asio::generic::stream_protocol{family, 0}, descriptor);
    if (address_.path.empty()) {
        asio::ip::tcp::endpoint bound;
        auto size = static_cast<socklen_t>(bound.capacity());
        ::getsockname(descriptor, bound.data(), &size);
        address_.port = bound.port();
    }
}

Listener::~Listener() { close(); }

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const ListenAddress& address) {
    if (!address.path.empty()) {
        if (auto cleared = clear_stale(address); !cleared) return cleared.error();
    }
    const auto bound = bound_socket(address, Share::yes);
    if (!bound) return bound.error();
    Descriptor descriptor{*bound};
    if (!address.path.empty()) ::chmod(address.path.c_str(), 0600);
    if (::listen(descriptor.get(), k_backlog) != 0) return errno_error(errno, "listening on " + address.to_string());
    return std::unique_ptr<Listener>{new Listener{loop, descriptor.release(), address}};
}

// Every socket has a loop that accepts from it, every loop a socket.
Result<std::vector<std::unique_ptr<Listener>>> Listener::adopt_on_all(std::span<Loop* const> loops,
                                                                      std::vector<InheritedSocket> sockets) {
    std::vector<std::unique_ptr<Listener>> listeners;
    for (std::size_t i = 0; i < std::max(loops.size(), sockets.size()); ++i) {
        const auto& socket = sockets[i % sockets.size()];
        Descriptor descriptor{::fcntl(socket.descriptor.get(), F_DUPFD_CLOEXEC, 0)};
        if (!descriptor.open()) return errno_error(errno, "the socket of " + socket.address.to_string());
        listeners.emplace_back(new Listener{*loops[i % loops.size()], descriptor.release(), socket.address});
        listeners.back()->owner_ = socket.owner;
    }
    return listeners;
}

Result<std::vector<std::unique_ptr<Listener>>> Listener::open_on_all(std::span<Loop* const> loops,
                                                                     ListenAddress address,
                                                                     InheritedSockets* inherited) {
    if (!address.path.empty()) loops = loops.first(1);
    if (inherited != nullptr) {
        auto sockets = inherited->take(address);
        if (!sockets.empty()) return adopt_on_all(loops, std::move(sockets));
    }
    std::vector<std::unique_ptr<Listener>> listeners;
    if (address.path.empty()) {
        const auto probe = bound_socket(address, Share::no);
        if (!probe && probe.error().code == Errc::conflict) {
            return Error{Errc::conflict, probe.error().where + holder_note(address.port)};
        }
        if (!probe) return probe.error();
        ::close(*probe);
    }
    for (Loop* const loop : loops) {
        auto listener = open(*loop, address);
        if (!listener) return listener.error();
        address.port = (*listener)->address().port;
        listeners.push_back(std::move(*listener));
    }
    return listeners;
}

Task<Result<std::unique_ptr<TcpStream>>> Listener::accept() {
    for (;;) {
        const bool cancelled = co_await is_cancelled();
        if (cancelled || !socket_.is_open()) co_return Error{Errc::cancelled, "accepting on " + address_.to_string()};
        const int accepted = ::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            TcpStream::Socket socket{loop_.context()};
            socket.assign(asio::generic::stream_protocol{endpoint_of(address_).protocol().family(), 0}, accepted);
            co_return std::make_unique<TcpStream>(loop_, std::move(socket));
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            co_return Error{Errc::overloaded, "accepting on " + address_.to_string() + ": no descriptor is left"};
        }
        if (errno == EAGAIN) {
            (void)co_await socket_.async_wait(TcpStream::Socket::wait_read, asio::as_tuple(asio::use_awaitable));
        }
    }
}

void Listener::close() noexcept {
    if (!socket_.is_open()) return;
    boost::system::error_code ignored;
    socket_.close(ignored);
    if (!address_.path.empty() && owner_ == PathOwner::us) ::unlink(address_.path.c_str());
}

Result<Descriptor> Listener::duplicate() {
    Descriptor copy{::fcntl(socket_.native_handle(), F_DUPFD_CLOEXEC, 0)};
    if (!copy.open()) return errno_error(errno, "the socket of " + address_.to_string());
    return copy;
}

}  // namespace longshore::net

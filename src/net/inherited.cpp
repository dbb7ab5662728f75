#include "net/inherited.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>

namespace longshore::net {
namespace {

int option(int socket, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

Result<ListenAddress> address_of(int socket) {
    boost::asio::generic::stream_protocol::endpoint bound;
    auto size = static_cast<socklen_t>(bound.capacity());
    if (::getsockname(socket, bound.data(), &size) != 0) return errno_error(errno, "a socket handed over");
    bound.resize(size);
    ListenAddress address;
    const int family = bound.data()->sa_family;
    if (family == AF_UNIX) {
        const auto* const name = reinterpret_cast<const sockaddr_un*>(bound.data());
        if (size > offsetof(sockaddr_un, sun_path) && name->sun_path[0] == '/') address.path = name->sun_path;
        if (address.path.empty()) return Error{Errc::invalid, "a Unix socket handed over has no path"};
        return address;
    }
    if (family != AF_INET && family != AF_INET6) return Error{Errc::invalid, "a socket handed over is not for TCP"};
    boost::asio::ip::tcp::endpoint tcp;
    std::copy_n(reinterpret_cast<const char*>(bound.data()), size, reinterpret_cast<char*>(tcp.data()));
    tcp.resize(size);
    address.host = tcp.address().to_string();
    address.port = tcp.port();
    return address;
}

}  // namespace

Result<> InheritedSockets::add(Descriptor socket, PathOwner owner) {
    if (option(socket.get(), SO_TYPE) != SOCK_STREAM || option(socket.get(), SO_ACCEPTCONN) != 1) {
        return Error{Errc::invalid, "descriptor " + std::to_string(socket.get()) + " is not a listening stream socket"};
    }
    auto address = address_of(socket.get());
    if (!address) return address.error();
    const int flags = ::fcntl(socket.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0 ||
        ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC) != 0) {
        return errno_error(errno, "the socket of " + address->to_string());
    }
    sockets_.push_back({std::move(socket), std::move(*address), owner});
    return {};
}

std::vector<InheritedSocket> InheritedSockets::take(const ListenAddress& address) {
    const auto wanted = address.to_string();
    const auto others = std::ranges::partition(
        sockets_, [&](const InheritedSocket& socket) { return socket.address.to_string() != wanted; });
    std::vector<InheritedSocket> taken{std::make_move_iterator(others.begin()), std::make_move_iterator(others.end())};
    sockets_.erase(others.begin(), others.end());
    return taken;
}

std::vector<ListenAddress> InheritedSockets::left(PathOwner owner) const {
    std::vector<ListenAddress> addresses;
    for (const auto& socket : sockets_) {
        if (socket.owner == owner) addresses.push_back(socket.address);
    }
    return addresses;
}

}  // namespace longshore::net

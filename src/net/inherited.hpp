// Listening sockets that another process opened: the service manager's, or those of the process we follow.
//
// Taking the very socket, and not another one on the same port, is what keeps connections that wait to be accepted.
//
// Threads: one. Errors: invalid (not a listening stream socket).
#pragma once

#include "base/error.hpp"
#include "net/listener.hpp"

#include <vector>

namespace longshore::net {

class InheritedSockets {
public:
    [[nodiscard]] Result<> add(Descriptor socket, PathOwner owner);
    // Those bound to `address`; they are the caller's then.
    [[nodiscard]] std::vector<InheritedSocket> take(const ListenAddress& address);
    // Addresses of those that nobody took.
    [[nodiscard]] std::vector<ListenAddress> left(PathOwner owner) const;
    void close_left() noexcept { sockets_.clear(); }

private:
    std::vector<InheritedSocket> sockets_;
};

}  // namespace longshore::net

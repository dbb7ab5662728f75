// Connecting out: names to addresses, addresses to a stream.
//
// Addresses are tried in the order of RFC 8305 (families alternate, a new attempt every 250 ms while earlier ones
// are pending); the first that connects wins. Which addresses may be dialled at all is decided here, on what the name
// means at this moment: a name that changes its mind afterwards changes nothing.
//
// Errors: as Resolver; denied (the name has addresses, and none of them may be dialled); peer_closed, timeout, io.
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "net/reach.hpp"
#include "net/resolver.hpp"
#include "net/tcp.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace longshore::net {

// `host` is a name or IP literal, or an absolute path for a Unix socket (then `port` is ignored; never public).
[[nodiscard]] Task<Result<std::unique_ptr<TcpStream>>> dial(Resolver& resolver, std::string host, std::uint16_t port,
                                                            Deadline deadline, Reach reach = Reach::anywhere);

}  // namespace longshore::net

// Connecting out: names to addresses, addresses to a stream.
//
// Addresses are tried in the order of RFC 8305 (families alternate, a new attempt every 250 ms while earlier ones
// are pending); the first that connects wins. Names are resolved on threads of their own: a slow resolver delays
// its callers until their deadline and nobody else.
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "net/stream.hpp"
#include "net/tcp.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace longshore::net {

// Names to addresses by the system's resolver. Safe from any loop; outlives them.
class Resolver {
public:
    static constexpr std::size_t k_threads = 4;
    static constexpr std::size_t k_queue_limit = 256;  // look-ups waiting; more are Errc::overloaded

    // IP literals (IPv6 in brackets or bare) need no look-up.
    [[nodiscard]] Task<Result<std::vector<boost::asio::ip::address>>> resolve(std::string host, Deadline deadline);

    ~Resolver();

private:
    std::atomic<std::size_t> pending_{0};
    boost::asio::thread_pool threads_{k_threads};
};

// `host` is a name or IP literal, or an absolute path for a Unix socket (then `port` is ignored).
[[nodiscard]] Task<Result<std::unique_ptr<TcpStream>>> dial(Resolver& resolver, std::string host, std::uint16_t port,
                                                            Deadline deadline);

}  // namespace longshore::net

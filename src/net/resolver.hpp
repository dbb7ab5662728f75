// Names to addresses by the system's resolver, which blocks: on threads of its own.
//
// One look-up is under way for a name, however many ask. What it found is used for 10 seconds without asking again
// (getaddrinfo tells no TTL), a failure for 1 second. When the resolver fails or stays silent, a name that was found
// within a day keeps its addresses: after 300 ms of waiting, or at once while the last failure is fresh. A name that
// does not exist any more loses them. A look-up cannot be cancelled; whoever waits for it can, and destroying the
// Resolver does not wait for it either. One that hangs for 10 seconds (glibc knows no deadline for TCP) is given up:
// the name may be looked up again, and the thread does not count.
//
// Threads: safe from any loop; outlives the loops' coroutines.
// Errors:  not_found (no such name, no address), timeout (silence, or a temporary failure), io, overloaded (too many
//          look-ups or waiters), cancelled.
// Source:  RFC 8767 (serving stale data), RFC 9520 (caching failures).
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/metrics.hpp"

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace longshore::net {

class Resolver final : public Measured {
public:
    using Addresses = std::vector<boost::asio::ip::address>;
    // Blocks; called on threads of the resolver, and maybe still running when it is destroyed.
    using LookUp = std::function<Result<Addresses>(const std::string& host)>;

    static constexpr std::size_t k_threads = 8;            // at work, without those that hang
    static constexpr std::size_t k_most_threads = 32;      // with them
    static constexpr std::size_t k_queue_limit = 256;      // look-ups waiting for a thread
    static constexpr std::size_t k_waiter_limit = 16'384;  // callers
    static constexpr std::size_t k_names = 1024;           // remembered
    static constexpr std::chrono::seconds k_fresh{10};
    static constexpr std::chrono::seconds k_failure{1};
    static constexpr std::chrono::hours k_stale{24};
    static constexpr std::chrono::milliseconds k_patience{300};
    static constexpr std::chrono::seconds k_hung{10};

    Resolver();  // by getaddrinfo
    explicit Resolver(LookUp look_up);
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    ~Resolver() override;

    // IP literals (IPv6 in brackets or bare) need no look-up.
    [[nodiscard]] Task<Result<Addresses>> resolve(std::string host, Deadline deadline);
    void measure(MetricWriter& into) const override;

private:
    struct State;
    struct Waiter;
    class Visit;
    std::shared_ptr<State> state_;
};

}  // namespace longshore::net

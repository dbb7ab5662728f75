#include "net/dial.hpp"

#include "net/scope.hpp"
#include "net/wait.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace longshore::net {
namespace asio = boost::asio;
namespace {

using Addresses = Resolver::Addresses;
using Endpoint = TcpStream::Socket::endpoint_type;

constexpr std::chrono::milliseconds k_attempt_delay{250};  // RFC 8305 §5

// Families alternate, starting with the resolver's first choice (RFC 8305 §4).
Addresses interleaved(const Addresses& addresses) {
    Addresses first, second, order;
    for (const auto& address : addresses) {
        (address.is_v6() == addresses.front().is_v6() ? first : second).push_back(address);
    }
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) order.push_back(first[i]);
        if (i < second.size()) order.push_back(second[i]);
    }
    return order;
}

// What is wrong with all of them, when none is left.
std::optional<std::string> keep_reachable(Addresses& addresses, Reach reach) {
    if (reach == Reach::anywhere || addresses.empty()) return std::nullopt;
    const auto first = addresses.front();
    std::erase_if(addresses, [](const auto& address) { return !is_public(address); });
    if (!addresses.empty()) return std::nullopt;
    return first.to_string() + " is not a public address";
}

struct Race {
    std::optional<TcpStream::Socket> winner;
    std::optional<Error> failure;
    std::size_t running = 0;
    Event changed;
};

Task<> attempt(Race& race, Endpoint endpoint, std::string name) {
    TcpStream::Socket socket{Loop::current().context()};
    const auto [error] = co_await socket.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
    --race.running;
    if (error) {
        race.failure = errno_error(error.value(), "connecting " + name);
        if (race.failure->code == Errc::denied) race.failure->code = Errc::io;  // a local firewall's word, not ours
    } else if (!race.winner) {
        race.winner.emplace(std::move(socket));
    }
    race.changed.notify();
}

Task<Result<std::unique_ptr<TcpStream>>> connect_first(std::vector<Endpoint> endpoints, std::string name,
                                                       Deadline deadline) {
    Loop& loop = Loop::current();
    Race race;
    Scope scope;
    std::optional<Error> stopped;
    for (std::size_t next = 0; !race.winner && !stopped;) {
        if (next < endpoints.size()) {
            ++race.running;
            scope.start(attempt(race, endpoints[next++], name));
        }
        const bool more = next < endpoints.size();
        if (race.winner || (race.running == 0 && more)) continue;
        if (race.running == 0) break;
        const auto pause = more ? std::min(deadline, loop.now() + k_attempt_delay) : deadline;
        auto changed = co_await race.changed.wait(pause);
        if (!changed && (changed.error().code == Errc::cancelled || loop.now() >= deadline)) stopped = changed.error();
    }
    scope.cancel();
    co_await scope.join();
    if (race.winner) co_return std::make_unique<TcpStream>(loop, std::move(*race.winner));
    if (stopped) co_return Error{stopped->code, "connecting " + name};
    co_return race.failure.value_or(Error{Errc::not_found, "connecting " + name + ": the name has no address"});
}

}  // namespace

Task<Result<std::unique_ptr<TcpStream>>> dial(Resolver& resolver, std::string host, std::uint16_t port,
                                              Deadline deadline, Reach reach) {
    std::vector<Endpoint> endpoints;
    auto name = host + ":" + std::to_string(port);
    if (host.starts_with('/')) {
        if (reach != Reach::anywhere) co_return Error{Errc::denied, "connecting unix:" + host + " is not public"};
        endpoints.emplace_back(asio::local::stream_protocol::endpoint{host});
        name = "unix:" + host;
    } else {
        auto addresses = co_await resolver.resolve(std::move(host), deadline);
        if (!addresses) co_return addresses.error();
        if (auto refused = keep_reachable(*addresses, reach)) {
            co_return Error{Errc::denied, "connecting " + name + ": " + *refused};
        }
        for (const auto& address : interleaved(*addresses)) {
            endpoints.emplace_back(asio::ip::tcp::endpoint{address, port});
        }
    }
    auto connected = co_await connect_first(std::move(endpoints), std::move(name), deadline);
    co_return connected;
}

}  // namespace longshore::net

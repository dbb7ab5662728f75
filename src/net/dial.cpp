#include "net/dial.hpp"

#include "net/scope.hpp"
#include "net/wait.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <netdb.h>

#include <algorithm>

namespace longshore::net {
namespace asio = boost::asio;
namespace {

using Addresses = std::vector<asio::ip::address>;
using Endpoint = TcpStream::Socket::endpoint_type;

constexpr std::chrono::milliseconds k_attempt_delay{250};  // RFC 8305 §5

std::optional<asio::ip::address> literal(std::string_view host) {
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    const auto address = asio::ip::make_address(std::string{host}, error);
    if (error) return std::nullopt;
    return address;
}

Result<Addresses> look_up(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    const int failure = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (failure != 0) {
        const auto code = failure == EAI_NONAME ? Errc::not_found : Errc::io;
        return Error{code, "resolving " + host + ": " + ::gai_strerror(failure)};
    }
    Addresses addresses;
    for (const auto* entry = found; entry != nullptr; entry = entry->ai_next) {
        asio::ip::tcp::endpoint endpoint;
        if (entry->ai_addrlen > endpoint.capacity()) continue;
        std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
        endpoint.resize(entry->ai_addrlen);
        addresses.push_back(endpoint.address());
    }
    ::freeaddrinfo(found);
    return addresses;
}

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

Resolver::~Resolver() {
    threads_.stop();
    threads_.join();
}

Task<Result<Addresses>> Resolver::resolve(std::string host, Deadline deadline) {
    if (const auto address = literal(host)) co_return Addresses{*address};
    if (pending_.fetch_add(1) >= k_queue_limit) {
        --pending_;
        co_return Error{Errc::overloaded, "resolving " + host + ": too many look-ups are waiting"};
    }
    struct LookUp {
        std::optional<Result<Addresses>> outcome;
        Event done;
    };
    auto look = std::make_shared<LookUp>();
    asio::post(threads_, [this, look, host, work = asio::make_work_guard(Loop::current().context())] {
        auto outcome = look_up(host);
        --pending_;
        asio::post(work.get_executor(), [look, outcome = std::move(outcome)]() mutable {
            look->outcome = std::move(outcome);
            look->done.notify();
        });
    });
    while (!look->outcome) {
        auto waited = co_await look->done.wait(deadline);
        if (!waited) co_return Error{waited.error().code, "resolving " + host};
    }
    co_return std::move(*look->outcome);
}

Task<Result<std::unique_ptr<TcpStream>>> dial(Resolver& resolver, std::string host, std::uint16_t port,
                                              Deadline deadline) {
    std::vector<Endpoint> endpoints;
    auto name = host + ":" + std::to_string(port);
    if (host.starts_with('/')) {
        endpoints.emplace_back(asio::local::stream_protocol::endpoint{host});
        name = "unix:" + host;
    } else {
        auto addresses = co_await resolver.resolve(std::move(host), deadline);
        if (!addresses) co_return addresses.error();
        for (const auto& address : interleaved(*addresses)) {
            endpoints.emplace_back(asio::ip::tcp::endpoint{address, port});
        }
    }
    auto connected = co_await connect_first(std::move(endpoints), std::move(name), deadline);
    co_return connected;
}

}  // namespace longshore::net

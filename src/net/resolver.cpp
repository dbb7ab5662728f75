#include "net/resolver.hpp"

#include "net/loop.hpp"
#include "net/metrics.hpp"
#include "net/wait.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <netdb.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

namespace longshore::net {
namespace asio = boost::asio;
namespace {

using Addresses = Resolver::Addresses;

std::optional<asio::ip::address> literal(std::string_view host) {
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    const auto address = asio::ip::make_address(std::string{host}, error);
    if (error) return std::nullopt;
    return address;
}

Errc code_of(int failure) {
    switch (failure) {
        case EAI_NONAME:
        case EAI_NODATA:
        case EAI_ADDRFAMILY:
            return Errc::not_found;
        case EAI_AGAIN:
            return Errc::timeout;  // silence and SERVFAIL alike
        case EAI_MEMORY:
            return Errc::overloaded;
        default:
            return Errc::io;
    }
}

Result<Addresses> ask_system(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    const int failure = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (failure != 0) return Error{code_of(failure), "resolving " + host + ": " + ::gai_strerror(failure)};
    Addresses addresses;
    for (const auto* entry = found; entry != nullptr; entry = entry->ai_next) {
        asio::ip::tcp::endpoint endpoint;
        if (entry->ai_addrlen > endpoint.capacity()) continue;
        std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
        endpoint.resize(entry->ai_addrlen);
        addresses.push_back(endpoint.address());
    }
    ::freeaddrinfo(found);
    if (addresses.empty()) return Error{Errc::not_found, "resolving " + host + ": the name has no address"};
    return addresses;
}

}  // namespace

struct Resolver::Waiter {
    explicit Waiter(Loop& on) : loop(on) {}
    Loop& loop;
    Event landed;
};

struct Resolver::State {
    struct Known {
        Addresses addresses;  // as last found; empty: none known
        Deadline found{};
        std::optional<Error> failure;  // of the last look-up
        Deadline failed{};
        std::uint64_t flight = 0;  // the look-up waiting or under way; 0: none
        Deadline asked{};
        const Clock* clock = nullptr;  // of the loop that asked
        std::vector<std::shared_ptr<Waiter>> waiters;

        [[nodiscard]] bool usable(Deadline now) const { return !addresses.empty() && now - found < k_stale; }
    };

    explicit State(LookUp how) : look_up(std::move(how)) {}

    // What a caller gets now, or until when to wait for it.
    struct Step {
        std::optional<Result<Addresses>> outcome;
        Deadline until{};
    };
    [[nodiscard]] Step step(const std::string& host, const std::shared_ptr<Waiter>& waiter);
    [[nodiscard]] Step stale(const Known& name);
    [[nodiscard]] std::optional<Error> start(const std::string& host, Known& name, const Loop& loop);
    void make_room();
    void leave(const std::string& host, const std::shared_ptr<Waiter>& waiter);
    void land(std::uint64_t flight, Result<Addresses> outcome);
    void settle(const std::string& host, Result<Addresses> outcome);
    void give_up_hung(Deadline now);
    void grow();
    static void work(const std::shared_ptr<State>& state);

    LookUp look_up;
    std::weak_ptr<State> self;
    mutable std::mutex mutex;
    std::condition_variable queued;
    std::unordered_map<std::string, Known> names;
    struct Flight {
        std::string host;
        Deadline began;
        bool hung = false;
    };
    std::deque<std::string> queue;
    std::map<std::uint64_t, Flight> flights;  // on a thread
    std::uint64_t last_flight = 0;
    std::size_t waiting = 0;
    std::size_t threads = 0;
    std::size_t idle = 0;
    std::size_t hung = 0;  // threads
    bool ended = false;
    Counter found, not_found, failed, refused, stale_answers;
};

Resolver::State::Step Resolver::State::stale(const Known& name) {
    stale_answers.add();
    return {name.addresses, {}};
}

Resolver::State::Step Resolver::State::step(const std::string& host, const std::shared_ptr<Waiter>& waiter) {
    const std::scoped_lock lock{mutex};
    const auto now = waiter->loop.now();
    give_up_hung(now);
    if (!names.contains(host)) make_room();
    auto& name = names[host];
    std::erase(name.waiters, waiter);
    if (!name.addresses.empty() && now - name.found < k_fresh) return {name.addresses, {}};
    if (name.failure && now - name.failed < k_failure) {
        if (name.usable(now)) return stale(name);
        return {*name.failure, {}};
    }
    if (name.flight == 0) {
        if (const auto overloaded = start(host, name, waiter->loop)) {
            refused.add();
            if (name.usable(now)) return stale(name);
            return {*overloaded, {}};
        }
    }
    if (name.usable(now) && now >= name.asked + k_patience) return stale(name);
    name.waiters.push_back(waiter);
    return {std::nullopt, name.usable(now) ? name.asked + k_patience : Deadline::max()};
}

std::optional<Error> Resolver::State::start(const std::string& host, Known& name, const Loop& loop) {
    if (queue.size() >= k_queue_limit) return Error{Errc::overloaded, "resolving " + host + ": too many look-ups wait"};
    name.flight = ++last_flight;
    name.asked = loop.now();
    name.clock = &loop.clock();
    queue.push_back(host);
    if (idle < queue.size()) grow();
    queued.notify_one();
    return std::nullopt;
}

void Resolver::State::grow() {
    if (threads - hung >= k_threads || threads >= k_most_threads) return;
    std::thread{[state = self.lock()] { work(state); }}.detach();
    ++threads;
}

void Resolver::State::give_up_hung(Deadline now) {
    for (auto& [id, flight] : flights) {
        if (flight.hung || now - flight.began < k_hung) continue;
        flight.hung = true;
        ++hung;
        settle(flight.host, Error{Errc::timeout, "resolving " + flight.host + ": the resolver does not answer"});
        if (!queue.empty()) grow();
    }
}

// Names nobody asks for: those without an address first, then those found longest ago.
void Resolver::State::make_room() {
    if (names.size() < k_names) return;
    auto oldest = names.end();
    for (auto at = names.begin(); at != names.end(); ++at) {
        if (at->second.flight != 0 || !at->second.waiters.empty()) continue;
        if (oldest == names.end() || at->second.found < oldest->second.found) oldest = at;
    }
    if (oldest != names.end()) names.erase(oldest);
}

void Resolver::State::leave(const std::string& host, const std::shared_ptr<Waiter>& waiter) {
    const std::scoped_lock lock{mutex};
    --waiting;
    if (const auto known = names.find(host); known != names.end()) std::erase(known->second.waiters, waiter);
}

void Resolver::State::land(std::uint64_t flight, Result<Addresses> outcome) {
    const auto landed = flights.extract(flight);
    if (landed.mapped().hung) {
        --hung;  // whoever waited has been told
    } else {
        settle(landed.mapped().host, std::move(outcome));
    }
}

void Resolver::State::settle(const std::string& host, Result<Addresses> outcome) {
    auto& name = names.at(host);
    const auto now = name.clock->now();
    name.flight = 0;
    if (outcome) {
        found.add();
        name.addresses = std::move(*outcome);
        name.found = now;
        name.failure.reset();
    } else {
        const bool gone = outcome.error().code == Errc::not_found;
        (gone ? not_found : failed).add();
        if (gone) name.addresses.clear();
        name.failure = outcome.error();
        name.failed = now;
    }
    // A waiter in the list has a coroutine that waits: its loop is alive.
    for (const auto& waiter : std::exchange(name.waiters, {})) {
        asio::post(waiter->loop.context(), [waiter] { waiter->landed.notify(); });
    }
}

void Resolver::State::work(const std::shared_ptr<State>& state) {
    std::unique_lock lock{state->mutex};
    while (state->threads - state->hung <= k_threads) {
        ++state->idle;
        state->queued.wait(lock, [&state] { return state->ended || !state->queue.empty(); });
        --state->idle;
        if (state->ended) return;
        const auto host = std::move(state->queue.front());
        state->queue.pop_front();
        const auto& name = state->names.at(host);
        const auto flight = name.flight;
        state->flights.emplace(flight, Flight{host, name.clock->now()});
        lock.unlock();
        auto outcome = state->look_up(host);
        lock.lock();
        if (state->ended) return;
        state->land(flight, std::move(outcome));
    }
    --state->threads;
}

// A caller, counted while it is there.
class Resolver::Visit {
public:
    Visit(State& state, const std::string& host)
        : state_(state), host_(host), waiter_(std::make_shared<Waiter>(Loop::current())) {
        const std::scoped_lock lock{state_.mutex};
        ++state_.waiting;
        one_too_many_ = state_.waiting > k_waiter_limit;
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit() { state_.leave(host_, waiter_); }

    [[nodiscard]] bool one_too_many() const noexcept { return one_too_many_; }
    [[nodiscard]] State::Step step() { return state_.step(host_, waiter_); }
    [[nodiscard]] Event& landed() noexcept { return waiter_->landed; }

private:
    State& state_;
    const std::string& host_;
    std::shared_ptr<Waiter> waiter_;
    bool one_too_many_ = false;
};

Resolver::Resolver() : Resolver(ask_system) {}

Resolver::Resolver(LookUp look_up) : state_(std::make_shared<State>(std::move(look_up))) { state_->self = state_; }

Resolver::~Resolver() {
    const std::scoped_lock lock{state_->mutex};
    state_->ended = true;
    state_->queued.notify_all();
}

Task<Result<Addresses>> Resolver::resolve(std::string host, Deadline deadline) {
    if (const auto address = literal(host)) co_return Addresses{*address};
    Visit visit{*state_, host};
    if (visit.one_too_many()) co_return Error{Errc::overloaded, "resolving " + host + ": too many wait for an answer"};
    for (;;) {
        auto step = visit.step();
        if (step.outcome) co_return std::move(*step.outcome);
        auto waited = co_await visit.landed().wait(std::min(deadline, step.until));
        if (waited || waited.error().code == Errc::timeout) {
            if (Loop::current().now() < deadline) continue;
            co_return Error{Errc::timeout, "resolving " + host + ": the resolver does not answer"};
        }
        co_return Error{waited.error().code, "resolving " + host};
    }
}

void Resolver::measure(MetricWriter& into) const {
    const std::scoped_lock lock{state_->mutex};
    into.counter(k_lookups, state_->found, {{"outcome", "found"}});
    into.counter(k_lookups, state_->not_found, {{"outcome", "not_found"}});
    into.counter(k_lookups, state_->failed, {{"outcome", "failed"}});
    into.gauge(k_lookups_running, Labels{}, static_cast<double>(state_->queue.size() + state_->flights.size()));
    into.counter(k_lookups_refused, state_->refused);
    into.counter(k_stale_names, state_->stale_answers);
}

}  // namespace longshore::net

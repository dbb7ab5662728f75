#include "net/resolver.hpp"

#include "net/scope.hpp"
#include "net/testing/run.hpp"
#include "net/wait.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace longshore::net {
namespace {

using std::chrono::milliseconds;

const auto k_address = boost::asio::ip::make_address("192.0.2.1");

// A name server by hand: answers what it is told to, after `release` when it was told to hold.
class Server {
public:
    Server() = default;
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    // Look-ups go on without their resolver.
    ~Server() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return busy_ == 0; });
    }

    Resolver::LookUp look_up() {
        return [this](const std::string& host) -> Result<Resolver::Addresses> {
            std::unique_lock lock{mutex_};
            const Busy busy{*this};
            const int number = asked_++;
            changed_.wait(lock, [this, number] { return !held_ && number >= held_before_; });
            if (failure_) return Error{*failure_, "resolving " + host};
            return Resolver::Addresses{k_address};
        };
    }
    void hold(bool held) {
        const std::scoped_lock lock{mutex_};
        held_ = held;
        held_before_ = 0;
        changed_.notify_all();
    }
    // Those who ask from now on are answered.
    void hold_those_before() {
        const std::scoped_lock lock{mutex_};
        held_ = false;
        held_before_ = asked_;
        changed_.notify_all();
    }
    void fail(std::optional<Errc> failure) {
        const std::scoped_lock lock{mutex_};
        failure_ = failure;
    }
    [[nodiscard]] int asked() {
        const std::scoped_lock lock{mutex_};
        return asked_;
    }

private:
    // While the mutex is held.
    struct Busy {
        explicit Busy(Server& at) : server(at) { ++server.busy_; }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;
        ~Busy() {
            --server.busy_;
            server.changed_.notify_all();
        }
        Server& server;
    };

    std::mutex mutex_;
    std::condition_variable changed_;
    int busy_ = 0;
    int asked_ = 0;
    bool held_ = false;
    int held_before_ = 0;
    std::optional<Errc> failure_;
};

class SteppedClock final : public Clock {
public:
    [[nodiscard]] Deadline now() const noexcept override { return machine_.now() + ahead_.load(); }
    [[nodiscard]] WallTime wall() const noexcept override { return machine_.wall(); }
    void step(std::chrono::nanoseconds span) { ahead_ = ahead_.load() + span; }

private:
    SystemClock machine_;
    std::atomic<std::chrono::nanoseconds> ahead_{};
};

// A resolver in front of the server, and a loop whose clock the test steps.
struct World {
    Server server;
    SteppedClock clock;
    Resolver resolver{server.look_up()};
    Loop loop{clock};

    // The code of the failure, or nothing when there is an address.
    std::optional<Errc> ask(std::string host = "registry.example", milliseconds patience = milliseconds{60'000}) {
        std::optional<Result<Resolver::Addresses>> outcome;
        Scope scope;
        boost::asio::post(loop.context(), [&] {
            scope.start(testing::store(resolver.resolve(std::move(host), clock.now() + patience), outcome, loop));
        });
        while (!outcome) {
            boost::asio::post(loop.context(), [this] { loop.timers().advance(); });
            (void)loop.poll();
        }
        (void)loop.poll();
        return *outcome ? std::nullopt : std::optional{outcome->error().code};
    }
};

TEST(Resolver, AsksOnceForWhatItHasJustFound) {
    World world;

    for (int i = 0; i < 5; ++i) EXPECT_EQ(world.ask(), std::nullopt);
    EXPECT_EQ(world.server.asked(), 1);

    world.clock.step(Resolver::k_fresh);
    EXPECT_EQ(world.ask(), std::nullopt);
    EXPECT_EQ(world.server.asked(), 2);
}

Task<> ask_once(Resolver& resolver, int& answered) {
    const auto outcome = co_await resolver.resolve("registry.example", Deadline::max());
    if (outcome && outcome->front() == k_address) ++answered;
}

Task<int> crowd(Resolver& resolver, Server& server, int size) {
    server.hold(true);
    int answered = 0;
    Scope scope;
    for (int i = 0; i < size; ++i) scope.start(ask_once(resolver, answered));
    for (int i = 0; i < 100; ++i) co_await yield();
    server.hold(false);
    co_await scope.join();
    co_return answered;
}

TEST(Resolver, LooksUpANameOnceForACrowd) {
    Server server;
    Resolver resolver{server.look_up()};

    EXPECT_EQ(testing::run(crowd(resolver, server, 1000)), 1000);
    EXPECT_EQ(server.asked(), 1);
}

TEST(Resolver, RemembersAFailureForASecond) {
    World world;
    world.server.fail(Errc::timeout);

    EXPECT_EQ(world.ask(), Errc::timeout);
    EXPECT_EQ(world.ask(), Errc::timeout);
    EXPECT_EQ(world.server.asked(), 1);

    world.server.fail(std::nullopt);
    world.clock.step(Resolver::k_failure);
    EXPECT_EQ(world.ask(), std::nullopt);
}

TEST(Resolver, KeepsTheAddressesWhenTheServerFails) {
    World world;
    EXPECT_EQ(world.ask(), std::nullopt);
    world.server.fail(Errc::timeout);
    world.clock.step(Resolver::k_fresh);

    EXPECT_EQ(world.ask(), std::nullopt);

    world.clock.step(Resolver::k_stale);
    EXPECT_EQ(world.ask(), Errc::timeout);
}

TEST(Resolver, KeepsTheAddressesWhileTheServerIsSilent) {
    World world;
    EXPECT_EQ(world.ask(), std::nullopt);
    world.server.hold(true);
    world.clock.step(Resolver::k_fresh);

    EXPECT_EQ(world.ask(), std::nullopt);
    EXPECT_EQ(world.ask("new.example", milliseconds{30}), Errc::timeout);

    world.server.hold(false);
}

TEST(Resolver, GivesUpALookUpThatHangs) {
    World world;
    world.server.hold(true);
    for (std::size_t i = 0; i < Resolver::k_threads; ++i) {
        EXPECT_EQ(world.ask("name" + std::to_string(i) + ".example", milliseconds{10}), Errc::timeout);
    }
    while (world.server.asked() < static_cast<int>(Resolver::k_threads)) std::this_thread::yield();
    world.server.hold_those_before();
    EXPECT_EQ(world.ask("other.example", milliseconds{10}), Errc::timeout);

    world.clock.step(Resolver::k_hung);
    EXPECT_EQ(world.ask("other.example"), std::nullopt);
    world.clock.step(Resolver::k_failure);
    EXPECT_EQ(world.ask("name0.example"), std::nullopt);

    world.server.hold(false);
}

TEST(Resolver, ForgetsANameThatIsGone) {
    World world;
    EXPECT_EQ(world.ask(), std::nullopt);
    world.server.fail(Errc::not_found);
    world.clock.step(Resolver::k_fresh);

    EXPECT_EQ(world.ask(), Errc::not_found);
    world.server.fail(Errc::timeout);
    world.clock.step(Resolver::k_failure);
    EXPECT_EQ(world.ask(), Errc::timeout);
}

Task<> ask_name(Resolver& resolver, std::string host, int& refused) {
    const auto outcome = co_await resolver.resolve(std::move(host), Deadline::max());
    if (!outcome && outcome.error().code == Errc::overloaded) ++refused;
}

Task<int> many_names(Resolver& resolver, Server& server, std::size_t names) {
    server.hold(true);
    int refused = 0;
    Scope scope;
    for (std::size_t i = 0; i < names; ++i) {
        scope.start(ask_name(resolver, "name" + std::to_string(i) + ".example", refused));
    }
    for (int i = 0; i < 100; ++i) co_await yield();
    server.hold(false);
    co_await scope.join();
    co_return refused;
}

TEST(Resolver, RefusesMoreLookUpsThanItHolds) {
    Server server;
    Resolver resolver{server.look_up()};
    const auto most = Resolver::k_threads + Resolver::k_queue_limit;

    EXPECT_EQ(testing::run(many_names(resolver, server, most / 2)), 0);
    EXPECT_GE(testing::run(many_names(resolver, server, 2 * most)), static_cast<int>(most / 2));
}

Task<Errc> cancelled_ask(Resolver& resolver) {
    Scope scope;
    Errc code{};
    struct Asking {
        static Task<> run(Resolver& resolver, Errc& code) {
            const auto outcome = co_await resolver.resolve("registry.example", Deadline::max());
            code = outcome ? Errc::invalid : outcome.error().code;
        }
    };
    scope.start(Asking::run(resolver, code));
    co_await yield();
    scope.cancel();
    co_await scope.join();
    co_return code;
}

// The loop of the first caller is gone when the answer arrives.
TEST(Resolver, OutlivesWhoeverGaveUpWaiting) {
    Server server;
    Resolver resolver{server.look_up()};
    server.hold(true);

    EXPECT_EQ(testing::run(cancelled_ask(resolver)), Errc::cancelled);
    server.hold(false);

    EXPECT_EQ(testing::run(crowd(resolver, server, 1)), 1);
}

}  // namespace
}  // namespace longshore::net

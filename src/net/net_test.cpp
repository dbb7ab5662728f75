#include "net/dial.hpp"
#include "net/listener.hpp"
#include "net/on_loop.hpp"
#include "net/scope.hpp"
#include "net/testing/run.hpp"
#include "net/wait.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>

namespace longshore::net {
namespace {

using std::chrono::milliseconds;

ListenAddress any_port() { return {"127.0.0.1", 0, {}}; }

Deadline in(milliseconds span) { return Loop::current().now() + span; }

struct Pair {
    std::unique_ptr<TcpStream> client;
    std::unique_ptr<TcpStream> server;
};

Task<Pair> connected_pair() {
    Resolver resolver;
    const auto listener = Listener::open(Loop::current(), any_port());
    auto client = co_await dial(resolver, "127.0.0.1", (*listener)->address().port, in(milliseconds{5000}));
    auto server = co_await (*listener)->accept();
    co_return Pair{std::move(*client), std::move(*server)};
}

Task<bool> echo_round_trip() {
    auto pair = co_await connected_pair();
    const auto wrote = co_await pair.client->write(Chunk::of("hello"), Deadline::max());
    const auto got = co_await pair.server->read(100, Deadline::max());
    (void)co_await pair.client->finish(Deadline::max());
    const auto end = co_await pair.server->read(100, Deadline::max());
    co_return wrote&& got && got->text() == "hello" && end && end->empty();
}

TEST(TcpStream, CarriesBytesAndTheEndOfStream) { EXPECT_TRUE(testing::run(echo_round_trip())); }

Task<Errc> read_from_silent_peer() {
    auto pair = co_await connected_pair();
    const auto got = co_await pair.server->read(100, in(milliseconds{20}));
    co_return got ? Errc::invalid : got.error().code;
}

TEST(TcpStream, ReadFromASilentPeerEndsAtItsDeadline) {
    EXPECT_EQ(testing::run(read_from_silent_peer()), Errc::timeout);
}

Task<std::pair<Errc, Errc>> write_outlives_the_readers_deadline() {
    auto pair = co_await connected_pair();
    Errc read_error{};
    Scope scope;
    struct Reader {
        static Task<> run(TcpStream& stream, Errc& error) {
            auto got = co_await stream.read(10, Loop::current().now() + milliseconds{20});
            error = got.error().code;
        }
    };
    scope.start(Reader::run(*pair.client, read_error));
    // More than the socket buffers hold, so that the writer waits beyond the reader's deadline.
    const auto wrote = co_await pair.client->write(Chunk::of(std::string(64 << 20, 'x')), in(milliseconds{120}));
    co_await scope.join();
    co_return std::pair{read_error, wrote.error().code};
}

TEST(TcpStream, EachDirectionKeepsItsOwnDeadline) {
    EXPECT_EQ(testing::run(write_outlives_the_readers_deadline()), (std::pair{Errc::timeout, Errc::timeout}));
}

// A reader that takes `piece` bytes in every 20 ms of a transfer that the buffers cannot hold: whether it was cut
// before the deadline of the write.
Task<bool> cut_as_too_slow(std::size_t piece) {
    auto pair = co_await connected_pair();
    Scope scope;
    struct Reader {
        static Task<> run(TcpStream& stream, std::size_t piece) {
            for (;;) {
                const auto got = co_await stream.read(piece, Deadline::max());
                if (!got) co_return;
                const auto woken = co_await sleep(in(milliseconds{20}));
                if (woken.code == Errc::cancelled) co_return;
            }
        }
    };
    scope.start(Reader::run(*pair.client, piece));
    pair.server->set_pace({.write_idle = milliseconds{200}, .write_rate = 20'000});
    const auto deadline = in(milliseconds{1500});
    const auto wrote = co_await pair.server->write(Chunk::of(std::string(64 << 20, 'x')), deadline);
    const bool early = Loop::current().now() < deadline;
    EXPECT_TRUE(!wrote && wrote.error().code == Errc::timeout);
    scope.cancel();
    co_await scope.join();
    co_return early;
}

TEST(TcpStream, CutsAReaderThatTakesTooLittle) { EXPECT_TRUE(testing::run(cut_as_too_slow(1))); }

TEST(TcpStream, KeepsAReaderThatIsSlowAndSteady) { EXPECT_FALSE(testing::run(cut_as_too_slow(65536))); }

Task<Errc> abort_reaches_the_peer() {
    auto pair = co_await connected_pair();
    pair.client->abort(Errc::cancelled);
    const auto got = co_await pair.server->read(100, in(milliseconds{2000}));
    co_return got ? Errc::invalid : got.error().code;
}

TEST(TcpStream, AbortIsAResetNotAnEnd) { EXPECT_EQ(testing::run(abort_reaches_the_peer()), Errc::peer_closed); }

Task<> sleeper(Errc& ended) {
    const auto error = co_await sleep(Deadline::max());
    ended = error.code;
    // A wait that starts after the cancellation ends at once as well.
    const auto again = co_await sleep(Deadline::max());
    if (again.code != Errc::cancelled) ended = Errc::invalid;
}

Task<Errc> cancel_a_sleeper() {
    Errc ended{};
    Scope scope;
    scope.start(sleeper(ended));
    scope.cancel();
    co_await scope.join();
    co_return ended;
}

TEST(Scope, CancelEndsEveryWaitOfItsChildren) { EXPECT_EQ(testing::run(cancel_a_sleeper()), Errc::cancelled); }

Task<> note(bool& ran) {
    ran = true;
    co_return;
}

Task<bool> start_after_cancel() {
    bool ran = false;
    Scope scope;
    scope.cancel();
    scope.start(note(ran));
    co_await scope.join();
    co_return ran;
}

TEST(Scope, ChildrenAddedAfterCancelNeverRun) { EXPECT_FALSE(testing::run(start_after_cancel())); }

Task<std::size_t> where_am_i() { co_return Loop::current().index(); }

Task<std::pair<std::size_t, std::size_t>> visit(Loop& other) {
    const auto there = co_await on_loop(other, where_am_i());
    co_return std::pair{there, Loop::current().index()};
}

TEST(OnLoop, RunsThereAndComesBack) {
    testing::LoopThread other{7};
    EXPECT_EQ(testing::run(visit(other.loop())), (std::pair<std::size_t, std::size_t>{7, 0}));
}

Task<Errc> sleep_forever() {
    const auto error = co_await sleep(Deadline::max());
    co_return error.code;
}

Task<> cross(Loop& other, Errc& ended) { ended = co_await on_loop(other, sleep_forever()); }

Task<Errc> cancel_across(Loop& other) {
    Errc ended{};
    Scope scope;
    scope.start(cross(other, ended));
    (void)co_await sleep(in(milliseconds{20}));
    scope.cancel();
    co_await scope.join();
    co_return ended;
}

TEST(OnLoop, CancellationCrossesOver) {
    testing::LoopThread other{7};
    EXPECT_EQ(testing::run(cancel_across(other.loop())), Errc::cancelled);
}

Task<std::uint64_t> bump(std::uint64_t& counter) { co_return ++counter; }

Task<std::uint64_t> many_crossings(Loop& other) {
    std::uint64_t counter = 0;
    for (int i = 0; i < 2000; ++i) (void)co_await on_loop(other, bump(counter));
    co_return counter;
}

TEST(OnLoop, ManyCrossingsLoseNothing) {
    testing::LoopThread other{1};
    EXPECT_EQ(testing::run(many_crossings(other.loop())), 2000u);
}

Task<Errc> dial_a_closed_port() {
    Resolver resolver;
    std::uint16_t port = 0;
    {
        const auto listener = Listener::open(Loop::current(), any_port());
        port = (*listener)->address().port;
    }
    const auto stream = co_await dial(resolver, "127.0.0.1", port, in(milliseconds{2000}));
    co_return stream ? Errc::invalid : stream.error().code;
}

TEST(Dial, ARefusedConnectionSaysSo) { EXPECT_EQ(testing::run(dial_a_closed_port()), Errc::peer_closed); }

Task<bool> dial_localhost() {
    Resolver resolver;
    const auto listener = Listener::open(Loop::current(), any_port());
    const auto stream = co_await dial(resolver, "localhost", (*listener)->address().port, in(milliseconds{5000}));
    co_return stream.has_value();
}

TEST(Dial, TriesEveryAddressOfAName) { EXPECT_TRUE(testing::run(dial_localhost())); }

Task<Result<std::unique_ptr<TcpStream>>> dial_public(const char* host) {
    Resolver resolver;
    const auto listener = Listener::open(Loop::current(), any_port());
    auto stream =
        co_await dial(resolver, host, (*listener)->address().port, in(milliseconds{5000}), Reach::public_only);
    co_return stream;
}

TEST(Dial, LeadsToPublicAddressesOnlyWhenToldTo) {
    for (const auto* host : {"127.0.0.1", "localhost", "127.1", "::ffff:127.0.0.1", "0.0.0.0", "/run/a.sock"}) {
        const auto stream = testing::run(dial_public(host));
        ASSERT_FALSE(stream) << host;
        EXPECT_EQ(stream.error().code, Errc::denied) << stream.error().where;
    }
    EXPECT_EQ(testing::run(dial_public("127.0.0.1")).error().where.find("127.0.0.1 is not a public address") ==
                  std::string::npos,
              false);
}

TEST(Listener, APortHeldByAnotherSocketIsAConflict) {
    SystemClock clock;
    Loop loop{clock};
    Loop* const loops[] = {&loop};
    const auto first = Listener::open_on_all(loops, any_port());
    ASSERT_TRUE(first);

    const auto second = Listener::open_on_all(loops, first->front()->address());

    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
    EXPECT_NE(second.error().where.find("held by net_test, pid " + std::to_string(::getpid())), std::string::npos)
        << second.error().where;
}

TEST(ListenAddress, ParsesWhatPeopleWrite) {
    EXPECT_EQ(ListenAddress::parse("127.0.0.1:5000")->to_string(), "127.0.0.1:5000");
    EXPECT_EQ(ListenAddress::parse(":80")->to_string(), "[::]:80");
    EXPECT_EQ(ListenAddress::parse("localhost:1")->to_string(), "127.0.0.1:1");
    EXPECT_EQ(ListenAddress::parse("[::1]:443")->to_string(), "[::1]:443");
    EXPECT_EQ(ListenAddress::parse("unix:/run/a.sock")->to_string(), "unix:/run/a.sock");
    for (const auto* wrong : {"5000", "host:", "1.2.3.4:70000", "example.org:80", "::1:80", "unix:relative", ""}) {
        EXPECT_FALSE(ListenAddress::parse(wrong)) << wrong;
    }
}

class ManualClock final : public Clock {
public:
    [[nodiscard]] Deadline now() const noexcept override { return now_; }
    [[nodiscard]] WallTime wall() const noexcept override { return {}; }
    void step(std::chrono::nanoseconds span) { now_ += span; }

private:
    Deadline now_{std::chrono::hours{1}};
};

struct Flag final : Timer {
    void fire() noexcept override { fired = true; }
    bool fired = false;
};

TEST(TimerWheel, FiresWhatIsDueAndNothingEarlier) {
    ManualClock clock;
    Loop loop{clock};
    Flag soon, later, far, dropped;
    loop.timers().arm(soon, clock.now() + milliseconds{15});
    loop.timers().arm(later, clock.now() + milliseconds{500});
    loop.timers().arm(far, clock.now() + std::chrono::seconds{60});
    loop.timers().arm(dropped, clock.now() + milliseconds{15});
    dropped.disarm();

    clock.step(milliseconds{10});
    loop.timers().advance();
    EXPECT_FALSE(soon.fired);
    clock.step(milliseconds{10});
    loop.timers().advance();
    EXPECT_TRUE(soon.fired);
    EXPECT_FALSE(dropped.fired);
    EXPECT_FALSE(later.fired);
    clock.step(std::chrono::seconds{20});
    loop.timers().advance();
    EXPECT_TRUE(later.fired);
    EXPECT_FALSE(far.fired);
    clock.step(std::chrono::seconds{41});
    loop.timers().advance();
    EXPECT_TRUE(far.fired);
}

}  // namespace
}  // namespace longshore::net

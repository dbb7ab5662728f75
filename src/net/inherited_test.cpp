#include "net/inherited.hpp"

#include "net/dial.hpp"
#include "net/passing.hpp"
#include "net/testing/run.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace longshore::net {
namespace {

const ListenAddress k_any{"127.0.0.1", 0, {}};

Deadline soon() { return Loop::current().now() + std::chrono::seconds{5}; }

TEST(InheritedSockets, AreTakenByTheirAddress) {
    const SystemClock clock;
    Loop loop{clock};
    const auto first = Listener::open(loop, k_any).value();
    const auto second = Listener::open(loop, k_any).value();
    InheritedSockets sockets;
    ASSERT_TRUE(sockets.add(first->duplicate().value(), PathOwner::us));
    ASSERT_TRUE(sockets.add(second->duplicate().value(), PathOwner::another));

    const auto taken = sockets.take(first->address());

    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken.front().address.to_string(), first->address().to_string());
    EXPECT_TRUE(sockets.take(first->address()).empty());
    EXPECT_TRUE(sockets.left(PathOwner::us).empty());
    ASSERT_EQ(sockets.left(PathOwner::another).size(), 1U);
    EXPECT_EQ(sockets.left(PathOwner::another).front().port, second->address().port);
}

TEST(InheritedSockets, RefuseWhatDoesNotListen) {
    InheritedSockets sockets;

    EXPECT_FALSE(sockets.add(Descriptor{::socket(AF_INET, SOCK_STREAM, 0)}, PathOwner::us));
    EXPECT_FALSE(sockets.add(Descriptor{::socket(AF_UNIX, SOCK_DGRAM, 0)}, PathOwner::us));
    EXPECT_FALSE(sockets.add(Descriptor{::dup(STDIN_FILENO)}, PathOwner::us));
}

// A connection that waits in the queue of a socket is accepted by whoever inherited it, after the first has closed.
Task<bool> waiting_connection_survives() {
    auto old = Listener::open(Loop::current(), k_any).value();
    const auto address = old->address();
    Resolver resolver;
    auto client = co_await dial(resolver, "127.0.0.1", address.port, soon());
    InheritedSockets sockets;
    (void)sockets.add(old->duplicate().value(), PathOwner::us);
    old->close();
    Loop* const loops[] = {&Loop::current()};
    const auto fresh = Listener::open_on_all(loops, address, &sockets);
    EXPECT_TRUE(fresh) << to_string(fresh.error());
    auto accepted = co_await fresh->front()->accept();
    EXPECT_TRUE(accepted);
    auto hello = Chunk::of_static("hello");
    (void)co_await (*accepted)->write(std::move(hello), soon());
    const auto got = co_await (*client)->read(100, soon());
    co_return got && got->text() == "hello";
}
TEST(InheritedSockets, KeepConnectionsThatWait) { EXPECT_TRUE(testing::run(waiting_connection_survives())); }

TEST(InheritedSockets, AreSharedWhereThereAreMoreLoops) {
    const SystemClock clock;
    Loop first{clock, 0};
    Loop second{clock, 1};
    const auto old = Listener::open(first, k_any).value();
    InheritedSockets sockets;
    ASSERT_TRUE(sockets.add(old->duplicate().value(), PathOwner::us));
    Loop* const loops[] = {&first, &second};

    const auto listeners = Listener::open_on_all(loops, old->address(), &sockets);

    ASSERT_TRUE(listeners);
    ASSERT_EQ(listeners->size(), 2U);
    EXPECT_EQ(&(*listeners)[0]->loop(), &first);
    EXPECT_EQ(&(*listeners)[1]->loop(), &second);
}

TEST(InheritedSockets, LeaveAUnixSocketsFileToItsOwner) {
    const SystemClock clock;
    Loop loop{clock};
    const auto path = "/tmp/longshore-inherited-" + std::to_string(::getpid());
    const ListenAddress address{{}, 0, path};
    auto old = Listener::open(loop, address).value();
    InheritedSockets sockets;
    ASSERT_TRUE(sockets.add(old->duplicate().value(), PathOwner::predecessor));
    Loop* const loops[] = {&loop};
    auto fresh = Listener::open_on_all(loops, address, &sockets).value();

    auto again = old->duplicate().value();
    old->leave_path();
    old->close();
    EXPECT_EQ(::access(path.c_str(), F_OK), 0);
    fresh.clear();
    EXPECT_EQ(::access(path.c_str(), F_OK), 0) << "not claimed yet";

    ASSERT_TRUE(sockets.add(std::move(again), PathOwner::predecessor));
    fresh = Listener::open_on_all(loops, address, &sockets).value();
    fresh.front()->claim_path();
    fresh.clear();
    EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

Task<bool> pass_two() {
    const auto path = "/tmp/longshore-passing-" + std::to_string(::getpid());
    const auto door = Listener::open(Loop::current(), {{}, 0, path}).value();
    Resolver resolver;
    auto giver = co_await dial(resolver, path, 0, soon());
    auto taker = co_await door->accept();
    (void)co_await pass(**giver, 'L', STDERR_FILENO, soon());
    (void)co_await pass(**giver, 'E', -1, soon());
    const auto first = receive_passed((*taker)->descriptor());
    const auto second = receive_passed((*taker)->descriptor());
    EXPECT_TRUE(first && first->mark == 'L' && first->descriptor.open());
    EXPECT_TRUE(second && second->mark == 'E' && !second->descriptor.open());
    EXPECT_EQ(peer_user((*taker)->descriptor()).value(), ::geteuid());
    co_return true;
}
TEST(Passing, GivesEachByteItsDescriptor) { EXPECT_TRUE(testing::run(pass_two())); }

}  // namespace
}  // namespace longshore::net

#include "http/testing/site.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

using testing::Site;

void play(testing::Script script, bool http2 = false) { net::testing::run(testing::serve(script, http2)); }

TEST(Load, CountsPlacesAndGivesThemBack) {
    Load load{{.connections = 2, .requests = 1}};
    auto first = load.connection();
    auto second = load.connection();
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(load.connection());
    first.reset();
    EXPECT_TRUE(load.connection());
    auto moved = std::move(second);
    second.reset();
    EXPECT_FALSE(load.connection() && load.connection()) << "the moved place is still taken";
    const auto request = load.request();
    EXPECT_TRUE(request);
    EXPECT_FALSE(load.request());
}

TEST(Load, GivesUpMoreTheShorterMemoryIs) {
    Load load{{}};
    load.set(Pressure::fetches);
    EXPECT_TRUE(load.request());
    load.set(Pressure::requests);
    EXPECT_FALSE(load.request());
    EXPECT_TRUE(load.connection());
    load.set(Pressure::connections);
    EXPECT_FALSE(load.connection());
    load.set(Pressure::none);
    EXPECT_TRUE(load.connection() && load.request());
}

Task<> hold(Site& site, const char* path) {
    auto request = site.request("GET", path);
    (void)co_await site.pool.send(request);
}

Task<Status> status_of(Site& site, std::optional<std::string>* retry_after = nullptr) {
    auto request = site.request("GET", "/");
    auto sent = co_await site.pool.send(request);
    if (!sent) co_return 0;
    if (const auto field = sent->fields.get("retry-after"); field && retry_after != nullptr) *retry_after = *field;
    (void)co_await read_whole(sent->body, 1000);
    co_return sent->status;
}

Task<> beyond_the_limit(Site& site) {
    site.load.set({.requests = 1});
    net::Scope scope;
    scope.start(hold(site, "/wait"));
    while (site.answers.asked == 0) (void)co_await net::sleep(net::Loop::current().now());
    std::optional<std::string> retry_after;
    auto status = co_await status_of(site, &retry_after);
    EXPECT_EQ(status, 503);
    EXPECT_TRUE(retry_after);
    EXPECT_EQ(site.answers.asked, 1U) << "the handler is not asked";
    scope.cancel();
    co_await scope.join();
    for (int tries = 0; tries < 500 && status != 200; ++tries) {
        (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{10}));
        status = co_await status_of(site);
    }
    EXPECT_EQ(status, 200) << "the place is given back when its client leaves";
}
TEST(Load, TurnsRequestsBeyondTheLimitAway1) { play(beyond_the_limit, false); }
TEST(Load, TurnsRequestsBeyondTheLimitAway2) { play(beyond_the_limit, true); }

Task<> short_of_memory(Site& site) {
    site.load.set(Pressure::requests);
    const auto turned_away = co_await status_of(site);
    EXPECT_EQ(turned_away, 503);
    site.load.set(Pressure::none);
    const auto served = co_await status_of(site);
    EXPECT_EQ(served, 200) << "on the same connection";
}
TEST(Load, AnswersNoRequestWhileMemoryIsShort1) { play(short_of_memory, false); }
TEST(Load, AnswersNoRequestWhileMemoryIsShort2) { play(short_of_memory, true); }

constexpr std::string_view k_get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

Task<std::unique_ptr<net::TcpStream>> idle_connection(Site& site) {
    auto stream = co_await site.dial();
    (void)co_await stream->write(net::Chunk::of_static(k_get), Deadline::max());
    (void)co_await stream->read(65536, Deadline::max());
    co_return stream;
}

Task<> idle_makes_room(Site& site) {
    site.load.set({.connections = 1});
    const auto idle = co_await idle_connection(site);
    const auto status = co_await status_of(site);
    EXPECT_EQ(status, 200);
    const auto end = co_await idle->read(1, after(net::Loop::current().now(), std::chrono::seconds{3}));
    EXPECT_TRUE(end && end->empty()) << (end ? std::string{end->text()} : to_string(end.error()));
}
TEST(Load, LetsIdleConnectionsMakeRoom) { play(idle_makes_room); }

Task<> busy_makes_wait(Site& site) {
    site.load.set({.connections = 1});
    auto busy = co_await site.dial();
    (void)co_await busy->write(net::Chunk::of_static("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"), Deadline::max());
    while (site.answers.asked == 0) (void)co_await net::sleep(net::Loop::current().now());
    auto request = site.request("GET", "/");
    request.deadline = after(net::Loop::current().now(), std::chrono::milliseconds{300});
    const auto too_early = co_await site.pool.send(request);
    EXPECT_FALSE(too_early);
    busy.reset();
    const auto status = co_await status_of(site);
    EXPECT_EQ(status, 200);
}
TEST(Load, LetsNewConnectionsWaitWhileNoneIsIdle) { play(busy_makes_wait); }

}  // namespace
}  // namespace longshore::http

#include "http/testing/site.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

using testing::Site;

void play(testing::Script script, bool http2 = false) { net::testing::run(testing::serve(script, http2)); }

struct Answered {
    std::size_t well = 0;
    std::vector<SendError> badly;
};

Task<> ask(Site& site, const char* path, Answered& answered, Deadline deadline = Deadline::max()) {
    auto request = site.request("GET", path);
    request.deadline = deadline;
    auto sent = co_await site.pool.send(request);
    if (!sent) {
        answered.badly.push_back(sent.error());
        co_return;
    }
    const auto body = co_await read_whole(sent->body, 1000);
    if (body && *body == "hello\n") ++answered.well;
}

Task<> ask_five(Site& site, Answered& answered, std::size_t most) {
    net::Scope scope;
    for (int at = 0; at < 5; ++at) scope.start(ask(site, "/slow", answered));
    (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{100}));
    EXPECT_EQ(site.server.connections(), most);
    co_await scope.join();
}

Task<> limited(Site& site) {
    site.pool.set({.connections_per_origin = 2});
    Answered answered;
    co_await ask_five(site, answered, 2);
    EXPECT_EQ(answered.well, 5U);
}
TEST(ClientPool, LetsRequestsWaitForOneOfAFewConnections) { play(limited); }

Task<> full_line(Site& site) {
    site.pool.set({.connections_per_origin = 2, .waiting_per_origin = 1});
    Answered answered;
    co_await ask_five(site, answered, 2);
    EXPECT_EQ(answered.well, 3U);
    EXPECT_EQ(answered.badly.size(), 2U);
    for (const auto& failed : answered.badly) {
        EXPECT_EQ(failed.error.code, Errc::overloaded);
        EXPECT_EQ(failed.reached, Reached::nothing);
    }
}
TEST(ClientPool, RefusesWhatTheWaitingLineCannotHold) { play(full_line); }

Task<> waits_too_long(Site& site) {
    site.pool.set({.connections_per_origin = 1});
    net::Scope scope;
    Answered first;
    Answered second;
    scope.start(ask(site, "/slow", first));
    scope.start(ask(site, "/hello", second, after(net::Loop::current().now(), std::chrono::milliseconds{50})));
    co_await scope.join();
    EXPECT_EQ(first.well, 1U);
    EXPECT_EQ(second.badly.size(), 1U);
    if (!second.badly.empty()) EXPECT_EQ(second.badly.front().error.code, Errc::timeout);
}
TEST(ClientPool, EndsTheWaitAtTheRequestsDeadline) { play(waits_too_long); }

Task<> shared_session(Site& site) {
    site.pool.set({.connections_per_origin = 4});
    Answered warm;
    co_await ask(site, "/hello", warm);
    Answered answered;
    co_await ask_five(site, answered, 1);
    EXPECT_EQ(answered.well, 5U);
}
TEST(ClientPool, SendsManyRequestsOverOneHttp2Session) { play(shared_session, true); }

Task<> guarded(Site& site) {
    auto request = site.request("GET", "/hello");
    request.egress.reach = net::Reach::public_only;
    const auto refused = co_await site.pool.send(request);
    const bool is_refused = !refused && refused.error().forbidden;
    EXPECT_TRUE(is_refused);
    EXPECT_EQ(site.server.connections(), 0U);

    auto open = site.request("GET", "/hello");
    const auto sent = co_await site.pool.send(open);
    const bool from_private = sent && !sent->from_public;
    EXPECT_TRUE(from_private);

    // A connection that is kept for others does not open the way.
    auto again = site.request("GET", "/hello");
    again.egress.reach = net::Reach::public_only;
    const auto refused_again = co_await site.pool.send(again);
    EXPECT_FALSE(refused_again);
}
TEST(ClientPool, LeadsToPublicAddressesOnlyWhenToldTo) { play(guarded); }
TEST(ClientPool, LeadsToPublicAddressesOnlyWhenToldToOverHttp2) { play(guarded, true); }

Task<> guarded_behind_a_proxy(Site& site) {
    auto rules = std::make_shared<ProxyRules>();
    rules->for_http = *Proxy::parse("http://127.0.0.1:" + std::to_string(site.port));
    rules->loopback_too = true;
    auto request = site.request("GET", "/hello");
    request.egress = {net::Reach::public_only, rules};
    const auto refused = co_await site.pool.send(request);
    const bool is_refused = !refused && refused.error().forbidden;
    EXPECT_TRUE(is_refused);

    EXPECT_EQ(site.server.connections(), 0U);
}
TEST(ClientPool, JudgesWhatAProxyIsAskedForByItsName) { play(guarded_behind_a_proxy); }

// An origin that answers the first request of its first connection and hangs up on the second; later connections
// answer every request.
class HangsUp {
public:
    explicit HangsUp(net::Scope& scope)
        : scope_(scope),
          listener_(*net::Listener::open(net::Loop::current(), *net::ListenAddress::parse("127.0.0.1:0"))) {
        scope_.start(accept(*this));
    }
    [[nodiscard]] Target target() const {
        return *Target::from_url("http://127.0.0.1:" + std::to_string(listener_->address().port) + "/");
    }
    std::size_t connections = 0;

private:
    static Task<> accept(HangsUp& self) {
        for (;;) {
            auto stream = co_await self.listener_->accept();
            if (!stream) co_return;
            self.scope_.start(answer(std::move(*stream), ++self.connections == 1 ? 1 : 100));
        }
    }
    static Task<> answer(std::unique_ptr<net::TcpStream> stream, int answers) {
        for (;;) {
            const auto request = co_await stream->read(65536, Deadline::max());
            if (!request || request->empty()) co_return;
            if (answers-- == 0) break;
            auto response = net::Chunk::of_static("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
            (void)co_await stream->write(std::move(response), Deadline::max());
        }
        (void)co_await stream->finish(Deadline::max());
    }

    net::Scope& scope_;
    std::unique_ptr<net::Listener> listener_;
};

Task<bool> hung_up_on(std::string method, Status second, std::size_t connections) {
    net::Scope scope;
    DiskPool disk{1};
    net::Resolver resolver;
    ClientPool pool{{resolver, disk, nullptr}, {}};
    HangsUp origin{scope};
    std::vector<Status> statuses;
    for (int at = 0; at < 2; ++at) {
        Request request;
        request.method = method;
        request.target = origin.target();
        auto sent = co_await pool.send(request);
        if (sent) (void)co_await read_whole(sent->body, 1000);
        statuses.push_back(sent ? sent->status : 0);
    }
    EXPECT_EQ(statuses, (std::vector<Status>{200, second}));
    EXPECT_EQ(origin.connections, connections);
    co_await pool.close();
    scope.cancel();
    co_await scope.join();
    co_return true;
}

TEST(ClientPool, AsksAgainWhenAKeptConnectionWasClosed) { net::testing::run(hung_up_on("GET", 200, 2)); }

TEST(ClientPool, NeverRepeatsWhatIsNotIdempotent) { net::testing::run(hung_up_on("POST", 0, 1)); }

}  // namespace
}  // namespace longshore::http

// Both ends of both versions over loopback: what holds whatever the codec.
#include "http/testing/site.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

using testing::Site;

class BothVersions : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Versions, BothVersions, ::testing::Values(false, true),
                         [](const auto& http2) { return http2.param ? "http2" : "http1"; });

void play(testing::Script script, bool http2) { net::testing::run(testing::serve(script, http2)); }

struct Got {
    Status status = 0;
    std::string body;
    std::optional<Errc> failed;
    Fields trailers;
};

Task<Got> pull_all(Body& body, Got got) {
    for (;;) {
        auto event = co_await body.next(65536);
        if (!event) got.failed = event.error().code;
        if (!event) co_return got;
        if (auto* trailers = std::get_if<Trailers>(&*event)) {
            got.trailers = std::move(trailers->fields);
            co_return got;
        }
        got.body += std::get<net::Chunk>(*event).text();
    }
}

Task<Got> ask(Site& site, std::string method, std::string path, Body body = Body::none()) {
    auto request = site.request(std::move(method), path, std::move(body));
    auto sent = co_await site.pool.send(request);
    if (!sent) co_return Got{.failed = sent.error().error.code};
    auto got = co_await pull_all(sent->body, {.status = sent->status});
    co_return got;
}

Task<> ask_plainly(Site& site) {
    auto got = co_await ask(site, "GET", "/hello");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "hello\n");
    got = co_await ask(site, "HEAD", "/hello");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "");
    got = co_await ask(site, "GET", "/204");
    EXPECT_EQ(got.status, 204);
    got = co_await ask(site, "GET", "/304");
    EXPECT_EQ(got.status, 304);
    auto body = Body::of(std::string{"ping"});
    got = co_await ask(site, "POST", "/read", std::move(body));
    EXPECT_EQ(got.body, "ping\n");
    EXPECT_EQ(site.server.connections(), 1U);
}
TEST_P(BothVersions, ServeEveryKindOfAnswerOnOneConnection) { play(ask_plainly, GetParam()); }

Task<> wrong_lengths(Site& site) {
    for (const char* const path : {"/short", "/long", "/fails"}) {
        const auto got = co_await ask(site, "GET", path);
        EXPECT_EQ(got.status, 200) << path;
        EXPECT_TRUE(got.failed) << path;
    }
}
TEST_P(BothVersions, EndABodyThatIsNotAsLongAsItSaidWithAnError) { play(wrong_lengths, GetParam()); }

Task<> trailers(Site& site) {
    auto got = co_await ask(site, "GET", "/pieces");
    EXPECT_EQ(got.body, std::string(30, 'x'));
    EXPECT_EQ(got.trailers.get_or("x-sum", "none"), "done");
    auto body = Body::of(std::make_unique<testing::Pieces>(7, 3), {});
    got = co_await ask(site, "POST", "/echo", std::move(body));
    EXPECT_EQ(got.body, std::string(21, 'x'));
    EXPECT_EQ(got.trailers.get_or("x-sum", "none"), "done");
}
TEST_P(BothVersions, CarryTrailersBothWays) { play(trailers, GetParam()); }

Task<> both_directions_at_once(Site& site) {
    constexpr std::size_t k_pieces = 320;  // of 64 KiB: 20 MiB
    auto body = Body::of(std::make_unique<testing::Pieces>(65536, k_pieces), k_pieces * 65536);
    const auto got = co_await ask(site, "POST", "/echo", std::move(body));
    EXPECT_FALSE(got.failed);
    EXPECT_EQ(got.body.size(), k_pieces * 65536);
}
TEST_P(BothVersions, MoveTwentyMebibytesBothWaysAtOnce) { play(both_directions_at_once, GetParam()); }

Task<> read_late(Site& site) {
    auto request = site.request("GET", "/pieces");
    auto sent = co_await site.pool.send(request);
    EXPECT_TRUE(sent);
    (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{50}));
    const auto got = co_await pull_all(sent->body, {});
    EXPECT_FALSE(got.failed);
    EXPECT_EQ(got.body, std::string(30, 'x'));
    EXPECT_EQ(got.trailers.get_or("x-sum", "none"), "done");
}
TEST_P(BothVersions, KeepABodyThatEndedBeforeItWasRead) { play(read_late, GetParam()); }

Task<> early_hints(Site& site) {
    auto request = site.request("GET", "/early");
    std::string seen;
    request.interim = [&seen](Status status, const Fields& fields) {
        seen = std::to_string(status) + " " + std::string{fields.get_or("link", "")};
    };
    auto sent = co_await site.pool.send(request);
    EXPECT_TRUE(sent);
    EXPECT_EQ(seen, "103 </style.css>");
}
TEST_P(BothVersions, PassInterimResponses) { play(early_hints, GetParam()); }

Task<> unread_upload(Site& site) {
    auto body = Body::of(std::make_unique<testing::Pieces>(65536, 320), 320 * 65536);
    auto got = co_await ask(site, "POST", "/hello", std::move(body));
    EXPECT_TRUE(got.status == 200 || got.failed);
    got = co_await ask(site, "GET", "/hello");
    EXPECT_EQ(got.status, 200);
}
TEST_P(BothVersions, GoOnAfterAnUploadThatNobodyRead) { play(unread_upload, GetParam()); }

Task<> leave_early(Site& site, Deadline deadline) {
    auto request = site.request("GET", "/wait");
    request.deadline = deadline;
    const auto sent = co_await site.pool.send(request);
    EXPECT_FALSE(sent);
}
Task<> client_leaves(Site& site) {
    const auto now = net::Loop::current().now();
    co_await leave_early(site, after(now, std::chrono::milliseconds{150}));
    const auto patience = after(now, std::chrono::seconds{5});
    while (site.answers.cancelled == 0) {
        const auto waited = co_await site.answers.changed.wait(patience);
        EXPECT_TRUE(waited);
        if (!waited) break;
    }
    EXPECT_EQ(site.answers.cancelled, 1U);
}
TEST_P(BothVersions, CancelTheHandlerWhenTheClientLeaves) { play(client_leaves, GetParam()); }

Task<> talk(Site& site, Upgrade upgrade) {
    auto request = site.request(upgrade == Upgrade::connect ? "CONNECT" : "GET", "/slow-upgrade");
    request.upgrade = upgrade;
    request.deadline = after(net::Loop::current().now(), std::chrono::seconds{5});
    auto sent = co_await site.pool.send(request);
    EXPECT_TRUE(sent) << (sent ? "" : to_string(sent.error().error));
    if (!sent || !sent->stream) co_return;
    auto chunk = net::Chunk::of("across");
    (void)co_await sent->stream->write(std::move(chunk), Deadline::max());
    auto back = co_await sent->stream->read(100, request.deadline);
    EXPECT_EQ(back ? back->text() : "", "across");
    (void)co_await sent->stream->finish(request.deadline);
    back = co_await sent->stream->read(100, request.deadline);
    EXPECT_TRUE(back && back->empty()) << "a clean end, not a reset";
}
Task<> talk_websocket(Site& site) { co_await talk(site, Upgrade::websocket); }
Task<> talk_connect(Site& site) { co_await talk(site, Upgrade::connect); }
TEST_P(BothVersions, RelayAWebSocketWhoseHandlerTookItsTime) { play(talk_websocket, GetParam()); }
TEST_P(BothVersions, RelayATunnelToItsCleanEnd) { play(talk_connect, GetParam()); }

Task<> slow_reader(Site& site) {
    auto request = site.request("GET", "/endless");
    auto sent = co_await site.pool.send(request);
    EXPECT_TRUE(sent);
    (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{200}));
    EXPECT_LT(site.answers.pulled, 16U << 20) << "of 256 MiB; sockets and windows hold the rest";
    const auto got = co_await ask(site, "GET", "/hello");
    EXPECT_EQ(got.status, 200);
}
TEST_P(BothVersions, StopPullingForAReaderThatStops) { play(slow_reader, GetParam()); }

Task<> ask_into(Site& site, const char* path, std::vector<Got>& answers) {
    auto got = co_await ask(site, "GET", path);
    answers.push_back(std::move(got));
}
Task<> close_with_requests(Site& site) {
    net::Scope scope;
    std::vector<Got> answers;
    for (int at = 0; at < 3; ++at) scope.start(ask_into(site, "/wait", answers));
    (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{100}));
    co_await site.pool.close();
    co_await scope.join();
    EXPECT_EQ(answers.size(), 3U);
    for (const auto& got : answers) EXPECT_TRUE(got.failed);
}
TEST_P(BothVersions, FailWhatIsOnItsWayWhenThePoolCloses) { play(close_with_requests, GetParam()); }

Task<> response_outlives(Site& site) {
    auto request = site.request("GET", "/endless");
    auto sent = co_await site.pool.send(request);
    EXPECT_TRUE(sent);
    co_await site.pool.close();
    const auto got = co_await pull_all(sent->body, {});
    EXPECT_TRUE(got.failed);
}
TEST_P(BothVersions, EndAResponseThatIsReadAfterThePoolClosed) { play(response_outlives, GetParam()); }

Task<> drain_with_request(Site& site) {
    net::Scope scope;
    std::vector<Got> answers;
    scope.start(ask_into(site, "/slow", answers));
    (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{50}));
    site.server.drain(std::chrono::milliseconds{50});
    co_await scope.join();
    EXPECT_EQ(answers.at(0).status, 200);
    EXPECT_EQ(answers.at(0).body, "hello\n");
    co_await site.server.join();
    EXPECT_EQ(site.server.connections(), 0U);
}
TEST_P(BothVersions, DrainAnswersWhatWasAsked) { play(drain_with_request, GetParam()); }

// A WebSocket whose origin is the echo of the test handler: what is written comes back.
Task<> goodbye(Site& site, std::string_view before, std::string_view rest) {
    auto request = site.request("GET", "/chat");
    request.upgrade = Upgrade::websocket;
    request.deadline = after(net::Loop::current().now(), std::chrono::seconds{5});
    auto sent = co_await site.pool.send(request);
    EXPECT_TRUE(sent && sent->stream);
    if (!sent || !sent->stream) co_return;
    auto& stream = *sent->stream;
    auto chunk = net::Chunk::of(std::string{before});
    (void)co_await stream.write(std::move(chunk), request.deadline);
    std::string got;
    while (got.size() < before.size()) {
        auto back = co_await stream.read(100, request.deadline);
        EXPECT_TRUE(back && !back->empty());
        if (!back || back->empty()) co_return;
        got += back->text();
    }
    site.server.drain(std::chrono::seconds{5});
    EXPECT_EQ(site.server.farewell(), 1U);
    if (!rest.empty()) {
        chunk = net::Chunk::of(std::string{rest});
        (void)co_await stream.write(std::move(chunk), request.deadline);
    }
    const auto whole = std::string{before}.append(rest) + "\x88\x02\x03\xe9";
    while (got.size() < whole.size()) {
        auto back = co_await stream.read(100, request.deadline);
        if (!back || back->empty()) break;
        got += back->text();
    }
    EXPECT_EQ(got, whole);
    chunk = net::Chunk::of("\x88\x82mask\x6e\x88");
    (void)co_await stream.write(std::move(chunk), request.deadline);
    const auto over = co_await stream.read(100, request.deadline);
    EXPECT_TRUE(over && over->empty()) << "a clean end";
    (void)co_await stream.finish(request.deadline);
    sent->stream.reset();
    co_await site.server.join();
}
Task<> goodbye_between_frames(Site& site) { co_await goodbye(site, "\x81\x02hi", ""); }
Task<> goodbye_within_a_frame(Site& site) {
    co_await goodbye(site,
                     "\x81\x05"
                     "he",
                     "llo");
}
TEST_P(BothVersions, TellAWebSocketThatTheyGoAway) { play(goodbye_between_frames, GetParam()); }
TEST_P(BothVersions, SayGoodbyeOnlyBetweenFrames) { play(goodbye_within_a_frame, GetParam()); }

}  // namespace
}  // namespace longshore::http

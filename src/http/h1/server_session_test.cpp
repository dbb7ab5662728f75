// The serving end of HTTP/1.1 as raw clients see it.
#include "http/testing/site.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

using testing::Site;

void play(testing::Script script) { net::testing::run(testing::serve(script, false)); }

std::size_t count(std::string_view text, std::string_view what) {
    std::size_t found = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
    return found;
}

Task<> pipelined(Site& site) {
    const auto got = co_await testing::raw(site,
                                           "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
                                           "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nping"
                                           "GET /204 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(count(got, "HTTP/1.1 200"), 2U) << got;
    EXPECT_LT(got.find("hello"), got.find("ping")) << got;
    EXPECT_LT(got.find("ping"), got.find("HTTP/1.1 204")) << got;
}
TEST(Http1Server, AnswersPipelinedRequestsInOrder) { play(pipelined); }

Task<> read_ahead_of_a_body(Site& site) {
    auto stream = co_await site.dial();
    auto request = net::Chunk::of(
        "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\nabc");
    (void)co_await stream->write(std::move(request), Deadline::max());
    (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{400}));
    (void)co_await stream->write(net::Chunk::of_static("def"), Deadline::max());
    std::string got;
    const auto deadline = after(net::Loop::current().now(), std::chrono::seconds{3});
    for (;;) {
        auto piece = co_await stream->read(65536, deadline);
        EXPECT_TRUE(piece);
        if (!piece || piece->empty()) break;
        got += piece->text();
    }
    EXPECT_NE(got.find("abcdef"), got.npos) << got;
}
TEST(Http1Server, ReadsABodyWhoseStartWasReadAhead) { play(read_ahead_of_a_body); }

Task<> leaves_with_pipelined_bytes(Site& site) {
    {
        auto stream = co_await site.dial();
        auto request = net::Chunk::of("GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        (void)co_await stream->write(std::move(request), Deadline::max());
        (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{50}));
    }
    const auto waited = co_await site.answers.changed.wait(after(net::Loop::current().now(), std::chrono::seconds{5}));
    EXPECT_TRUE(waited);
    EXPECT_EQ(site.answers.cancelled, 1U);
    EXPECT_EQ(site.answers.asked, 1U);
}
TEST(Http1Server, CancelsTheHandlerOfAClientThatLeftWithRequestsWaiting) { play(leaves_with_pipelined_bytes); }

Task<> malformed_chunks(Site& site) {
    const auto got = co_await testing::raw(site,
                                           "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                           "zz\r\nhello\r\n");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 400")) << got;
}
TEST(Http1Server, BlamesTheClientForAMalformedBody) { play(malformed_chunks); }

Task<> continues(Site& site) {
    auto stream = co_await site.dial();
    auto head = net::Chunk::of("POST /read HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    (void)co_await stream->write(std::move(head), Deadline::max());
    const auto deadline = after(net::Loop::current().now(), std::chrono::seconds{3});
    auto got = co_await stream->read(1000, deadline);
    EXPECT_EQ(got ? got->text() : "", "HTTP/1.1 100 Continue\r\n\r\n");
    (void)co_await stream->write(net::Chunk::of_static("ok"), Deadline::max());
    got = co_await stream->read(1000, deadline);
    EXPECT_TRUE(got && got->text().starts_with("HTTP/1.1 200"));
    const auto refused = co_await testing::raw(
        site, "POST /hello HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 200")) << refused;
}
TEST(Http1Server, SaysContinueAtTheFirstPullOnly) { play(continues); }

Task<> unread_bodies(Site& site) {
    const std::string little(60 * 1024, 'x');
    auto got = co_await testing::raw(site, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 61440\r\n\r\n" + little +
                                               "GET /204 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(count(got, "HTTP/1.1 204"), 1U) << got;
    got = co_await testing::raw(site,
                                "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + little + little);
    EXPECT_TRUE(got.starts_with("HTTP/1.1 200")) << got;
}
TEST(Http1Server, ReadsAwayALittleOfAnUnreadBody) { play(unread_bodies); }

Task<> timeouts(Site& site) {
    site.options.header_timeout = site.options.idle_timeout = std::chrono::milliseconds{100};
    auto got = co_await testing::raw(site, "GET / HTTP/1.1\r\nHos");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 408")) << got;
    got = co_await testing::raw(site, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(count(got, "HTTP/1.1"), 1U) << got;
}
TEST(Http1Server, ClosesWhatIsSlowOrIdle) { play(timeouts); }

Task<> slow_body(Site& site) {
    site.options.body_idle_timeout = std::chrono::milliseconds{200};
    site.options.min_body_rate = 1000;
    auto stream = co_await site.dial();
    auto head = net::Chunk::of("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    (void)co_await stream->write(std::move(head), Deadline::max());
    for (int at = 0; at < 20; ++at) {
        (void)co_await stream->write(net::Chunk::of_static("x"), Deadline::max());
        (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{20}));
    }
    const auto got = co_await stream->read(1000, after(net::Loop::current().now(), std::chrono::seconds{3}));
    EXPECT_TRUE(got && got->text().starts_with("HTTP/1.1 408"));
    EXPECT_EQ(site.metrics.cuts(Cut::body_time), 1U);
}
TEST(Http1Server, GivesUpABodyThatComesTooSlowly) { play(slow_body); }

Task<> cancel_while_a_body_is_read(Site& site) {
    auto stream = co_await site.dial();
    auto head = net::Chunk::of("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    (void)co_await stream->write(std::move(head), Deadline::max());
    (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{50}));
    site.server.cancel();
    co_await site.server.join();
    EXPECT_EQ(site.server.connections(), 0U);
}
TEST(Http1Server, EndsAtOnceWhileABodyIsRead) { play(cancel_while_a_body_is_read); }

// What the client gets after `request` was sent on a connection that had served one, and was left meanwhile.
Task<std::string> ask_after_drain(Site& site, std::chrono::milliseconds quiet, std::string request) {
    auto stream = co_await site.dial();
    auto chunk = net::Chunk::of("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n");
    (void)co_await stream->write(std::move(chunk), Deadline::max());
    const auto deadline = after(net::Loop::current().now(), std::chrono::seconds{3});
    auto first = co_await stream->read(65536, deadline);
    EXPECT_TRUE(first && first->text().starts_with("HTTP/1.1 204")) << "kept alive";
    site.server.drain(quiet);
    chunk = net::Chunk::of(std::move(request));
    if (!chunk.empty()) (void)co_await stream->write(std::move(chunk), Deadline::max());
    std::string got;
    for (;;) {
        auto piece = co_await stream->read(65536, deadline);
        EXPECT_TRUE(piece);
        if (!piece || piece->empty()) co_return got;
        got += piece->text();
    }
}
Task<> one_more(Site& site) {
    const auto got = co_await ask_after_drain(site, std::chrono::seconds{20}, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 200")) << got;
    EXPECT_NE(got.find("onnection: close"), got.npos) << got;
}
TEST(Http1Server, AnswersOneMoreRequestWhenItLeaves) { play(one_more); }

Task<> none_more(Site& site) {
    const auto got = co_await ask_after_drain(site, std::chrono::milliseconds{50}, {});
    EXPECT_EQ(got, "");
}
TEST(Http1Server, LeavesAConnectionThatStaysQuiet) { play(none_more); }

Task<> silent_when_it_leaves(Site& site) {
    auto stream = co_await site.dial();
    (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{50}));
    site.server.drain(std::chrono::milliseconds{50});
    co_await site.server.join();
    EXPECT_EQ(site.server.connections(), 0U);
}
TEST(Http1Server, LeavesAConnectionThatNeverSaidAWord) { play(silent_when_it_leaves); }

}  // namespace
}  // namespace longshore::http

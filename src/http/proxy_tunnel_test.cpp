#include "http/proxy_tunnel.hpp"

#include "net/loop.hpp"
#include "net/pipe.hpp"
#include "net/testing/run.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

struct Heard {
    Result<> outcome;
    std::string asked;
    std::string after;  // what is left for the origin's protocol
};

Task<Heard> connect(std::string answer, std::string proxy) {
    auto& loop = net::Loop::current();
    auto [ours, theirs] = net::pipe(loop, loop, std::size_t{1} << 20);
    auto said = net::Chunk::of(std::move(answer));
    (void)co_await theirs->write(std::move(said), Deadline::max());
    auto outcome = co_await open_tunnel(*ours, Proxy::parse(proxy).value(), {"origin.example", 443},
                                        after(loop.now(), std::chrono::milliseconds{200}));
    const auto asked = co_await theirs->read(65536, Deadline::max());
    Heard heard{std::move(outcome), std::string{asked->text()}, {}};
    (void)co_await theirs->finish(Deadline::max());
    const auto left = co_await ours->read(65536, Deadline::max());
    if (left) heard.after = left->text();
    co_return heard;
}

Heard said(std::string answer, std::string proxy = "http://proxy.example:3128") {
    return net::testing::run(connect(std::move(answer), std::move(proxy)));
}

TEST(ProxyTunnel, AsksByConnect) {
    const auto heard = said("HTTP/1.1 200 Connection established\r\n\r\n", "http://u:p@proxy.example:3128");

    EXPECT_TRUE(heard.outcome);
    EXPECT_EQ(heard.asked,
              "CONNECT origin.example:443 HTTP/1.1\r\nHost: origin.example:443\r\n"
              "Proxy-Authorization: Basic dTpw\r\n\r\n");
}

TEST(ProxyTunnel, LeavesWhatFollowsToTheOrigin) {
    for (const auto* head : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\nVia: a\r\nContent-Length: 5\r\n\r\n",
                             "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No\r\n\r\n"}) {
        const auto heard = said(std::string{head} + "\x16\x03\x01");
        EXPECT_TRUE(heard.outcome) << head;
        EXPECT_EQ(heard.after, "\x16\x03\x01") << head;
    }
}

TEST(ProxyTunnel, NamesTheProxyAndItsAnswer) {
    const auto wants = said("HTTP/1.1 407 Auth\r\nContent-Length: 3\r\n\r\nxyz");
    EXPECT_EQ(wants.outcome.error().code, Errc::unauthenticated);
    EXPECT_EQ(wants.outcome.error().where,
              "proxy http://proxy.example:3128 answered 407 Proxy Authentication Required to CONNECT "
              "origin.example:443: it wants credentials, http://USER:PASSWORD@HOST:PORT");

    const auto refuses = said("HTTP/1.1 407 Auth\r\n\r\n", "http://u:hunter2@proxy.example:3128");
    EXPECT_NE(refuses.outcome.error().where.find("does not take the credentials"), std::string::npos);
    EXPECT_EQ(refuses.outcome.error().where.find("hunter2"), std::string::npos);

    EXPECT_EQ(said("HTTP/1.1 403 No\r\n\r\n").outcome.error().code, Errc::denied);
    EXPECT_EQ(said("HTTP/1.1 503 No\r\n\r\n").outcome.error().code, Errc::overloaded);
    EXPECT_EQ(said("HTTP/1.1 504 No\r\n\r\n").outcome.error().code, Errc::timeout);
    EXPECT_EQ(said("HTTP/1.1 502 No\r\n\r\n").outcome.error().code, Errc::io);
    EXPECT_EQ(said("HTTP/1.1 301 No\r\n\r\n").outcome.error().code, Errc::io);
}

TEST(ProxyTunnel, RefusesAnswersThatAreNone) {
    EXPECT_EQ(said("SSH-2.0-OpenSSH_9.2\r\n\r\n").outcome.error().code, Errc::corrupt);
    EXPECT_EQ(said("HTTP/1.1 200").outcome.error().code, Errc::timeout);
    EXPECT_EQ(said("HTTP/1.1 200 OK\r\nA: " + std::string(20'000, 'a')).outcome.error().code, Errc::too_large);
    std::string hints;
    for (int i = 0; i < 2000; ++i) hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
    EXPECT_EQ(said(hints).outcome.error().code, Errc::too_large);
}

TEST(ProxyTunnel, ReadsNeverPastTheHead) {
    EXPECT_EQ(bytes_before_end(""), 4U);
    EXPECT_EQ(bytes_before_end("HTTP/1.1 200\r"), 3U);
    EXPECT_EQ(bytes_before_end("HTTP/1.1 200\r\n"), 2U);
    EXPECT_EQ(bytes_before_end("HTTP/1.1 200\r\n\r"), 1U);
    EXPECT_EQ(bytes_before_end("\r\n\r\nA"), 4U);
}

}  // namespace
}  // namespace longshore::http

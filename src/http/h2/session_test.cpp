// HTTP/2 sessions where the version matters: roles, frames that raw peers send, one stream among others.
#include "http/h2/session.hpp"

#include "http/testing/site.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

using testing::Site;

void play(testing::Script script) { net::testing::run(testing::serve(script, true)); }

Task<> run_session(std::shared_ptr<h2::Session> session) { co_await session->run(); }

// The side that dialled serves, the side that accepted asks: as a tunnel's edge does.
Task<> reversed(Site& site) {
    auto listener = net::Listener::open(net::Loop::current(), *net::ListenAddress::parse("127.0.0.1:0"));
    auto dialled = co_await net::dial(site.resolver, "127.0.0.1", (*listener)->address().port, Deadline::max());
    auto accepted = co_await (*listener)->accept();
    ServerEnd end{&site.answers, &site.load, nullptr, &site.options, std::make_shared<Connection>(), nullptr, {}};
    end.covers = [](std::string_view host) { return host != "elsewhere.test"; };
    const auto server = h2::Session::server(std::move(*dialled), {}, std::move(end), site.disk);
    const auto client = h2::Session::client(std::move(*accepted), site.options, site.disk);
    net::Scope scope;
    scope.start(run_session(server));
    scope.start(run_session(client));
    auto request = site.request("GET", "/hello");
    auto sent = co_await client->send(request);
    EXPECT_TRUE(sent);
    if (sent) EXPECT_EQ(sent->status, 200);
    auto elsewhere = site.request("GET", "/hello");
    elsewhere.target = *Target::from_url("http://elsewhere.test/hello");
    auto misdirected = co_await client->send(elsewhere);
    EXPECT_TRUE(misdirected && misdirected->status == 421);
    scope.cancel();
    co_await scope.join();
    auto late = site.request("GET", "/hello");
    const auto refused = co_await client->send(late);
    EXPECT_TRUE(!refused && refused.error().reached == Reached::nothing);
}
TEST(Http2Session, TakesEitherRoleOnEitherSide) { play(reversed); }

Task<> one_fails(Site& site) {
    auto good = site.request("GET", "/endless");
    auto kept = co_await site.pool.send(good);
    auto bad = site.request("GET", "/fails");
    auto failing = co_await site.pool.send(bad);
    EXPECT_TRUE(kept && failing);
    Result<BodyEvent> event = net::Chunk{};
    while (event && !std::holds_alternative<Trailers>(*event)) event = co_await failing->body.next(65536);
    EXPECT_FALSE(event) << "never a clean end";
    for (std::size_t bytes = 0; bytes < (4U << 20);) {
        auto more = co_await kept->body.next(65536);
        EXPECT_TRUE(more);
        if (!more) break;
        bytes += std::get<net::Chunk>(*more).size();
    }
    EXPECT_EQ(site.server.connections(), 1U);
}
TEST(Http2Session, CutsOnlyTheStreamWhoseSourceFails) { play(one_fails); }

Task<> give_up_many(Site& site) {
    for (int at = 0; at < 150; ++at) {
        auto request = site.request("GET", "/pieces");
        auto sent = co_await site.pool.send(request);
        EXPECT_TRUE(sent) << at;
    }
    EXPECT_EQ(site.server.connections(), 1U);
}
TEST(Http2Session, OutlivesManyResponsesThatNobodyReads) { play(give_up_many); }

std::string frame(char type, char flags, char stream, std::string_view payload) {
    std::string made{'\0', '\0', static_cast<char>(payload.size()), type, flags, '\0', '\0', '\0', stream};
    return made.append(payload);
}
const std::string k_start = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, {});
// POST http /read for host a; `length` as text.
std::string post(std::string_view length) {
    using namespace std::string_literals;
    std::string block =
        "\x83\x86\x04\x05/read\x01\x01"
        "a\x0f\x0d"s;
    block += static_cast<char>(length.size());
    return block.append(length);
}

bool holds_frame(std::string_view got, char type) {
    while (got.size() >= 9) {
        const auto size =
            static_cast<std::size_t>(static_cast<unsigned char>(got[1])) << 8U | static_cast<unsigned char>(got[2]);
        if (got[3] == type) return true;
        got.remove_prefix(std::min(got.size(), 9 + size));
    }
    return false;
}

Task<> end_is_held_back(Site& site) {
    auto stream = co_await site.dial();
    auto start = net::Chunk::of(k_start + frame(1, 4, 1, post("5")) + frame(0, 0, 1, "hello"));
    (void)co_await stream->write(std::move(start), Deadline::max());
    (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{100}));
    EXPECT_EQ(site.answers.asked, 1U);
    auto more = net::Chunk::of(frame(0, 1, 1, "x"));
    (void)co_await stream->write(std::move(more), Deadline::max());
    std::string got;
    const auto deadline = after(net::Loop::current().now(), std::chrono::milliseconds{300});
    for (;;) {
        auto piece = co_await stream->read(65536, deadline);
        if (!piece || piece->empty()) break;
        got += piece->text();
    }
    EXPECT_TRUE(holds_frame(got, 3)) << "RST_STREAM";
    EXPECT_FALSE(holds_frame(got, 1)) << "no answer to a malformed request";
}
TEST(Http2Session, HoldsBackTheEndOfABodyUntilThePeerEndsIt) { play(end_is_held_back); }

Task<> preface_in_pieces(Site& site) {
    auto stream = co_await site.dial();
    for (const char byte : k_start.substr(0, 5)) {
        auto piece = net::Chunk::of(std::string{byte});
        (void)co_await stream->write(std::move(piece), Deadline::max());
        (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{20}));
    }
    auto rest = net::Chunk::of(k_start.substr(5) + frame(6, 0, 0, "12345678"));
    (void)co_await stream->write(std::move(rest), Deadline::max());
    const auto got = co_await stream->read(9, after(net::Loop::current().now(), std::chrono::seconds{3}));
    EXPECT_TRUE(got && got->size() == 9 && got->text()[3] == 4) << "SETTINGS first";
}
TEST(Http2Session, KnowsItsPrefaceInPieces) { play(preface_in_pieces); }

// What the server says until a frame of this type has come, or nothing more comes.
Task<bool> gets_frame(net::ByteStream& stream, char type) {
    std::string got;
    const auto deadline = after(net::Loop::current().now(), std::chrono::seconds{3});
    for (;;) {
        auto piece = co_await stream.read(65536, deadline);
        if (!piece || piece->empty()) co_return false;
        got += piece->text();
        if (holds_frame(got, type)) co_return true;
    }
}

// A request after which the client does nothing more is reset; the handler was asked `asked` times.
Task<> given_up(Site& site, std::string request, std::size_t asked) {
    site.options.body_idle_timeout = std::chrono::milliseconds{100};
    auto stream = co_await site.dial();
    auto start = net::Chunk::of(k_start + request);
    (void)co_await stream->write(std::move(start), Deadline::max());
    const bool reset = co_await gets_frame(*stream, 3);
    EXPECT_TRUE(reset) << "RST_STREAM";
    EXPECT_EQ(site.answers.asked, asked);
}

Task<> window_never_opens(Site& site) {
    using namespace std::string_literals;
    const auto no_window = frame(4, 0, 0, "\0\x04\0\0\0\0"s);
    const auto get = frame(1, 5, 1,
                           "\x82\x86\x04\x06/hello\x01\x01"
                           "a"s);
    co_await given_up(site, no_window + get, 1);
}
TEST(Http2Session, GivesUpAStreamWhoseWindowNeverOpens) { play(window_never_opens); }

Task<> empty_body_never_ends(Site& site) { co_await given_up(site, frame(1, 4, 1, post("0")), 0); }
TEST(Http2Session, GivesUpARequestWhoseEmptyBodyNeverEnds) { play(empty_body_never_ends); }

Task<> head_never_ends(Site& site) {
    site.options.header_timeout = std::chrono::milliseconds{100};
    auto stream = co_await site.dial();
    auto start = net::Chunk::of(k_start + frame(1, 0, 1, "\x82"));
    (void)co_await stream->write(std::move(start), Deadline::max());
    std::string got;
    const auto deadline = after(net::Loop::current().now(), std::chrono::seconds{3});
    for (;;) {
        auto piece = co_await stream->read(65536, deadline);
        EXPECT_TRUE(piece) << "closed in time";
        if (!piece || piece->empty()) break;
        got += piece->text();
    }
    EXPECT_TRUE(holds_frame(got, 7)) << "GOAWAY";
}
TEST(Http2Session, ClosesWhenAHeaderBlockDoesNotEnd) { play(head_never_ends); }

}  // namespace
}  // namespace longshore::http

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

// What the server says to a client that sends all this, until it closes.
Task<std::string> said_to(Site& site, std::string frames) {
    auto stream = co_await site.dial();
    auto start = net::Chunk::of(k_start + std::move(frames));
    (void)co_await stream->write(std::move(start), Deadline::max());
    std::string got;
    const auto deadline = after(net::Loop::current().now(), std::chrono::seconds{5});
    for (;;) {
        auto piece = co_await stream->read(65536, deadline);
        EXPECT_TRUE(piece || piece.error().code == Errc::peer_closed) << "closed in time";
        if (!piece || piece->empty()) co_return got;
        got += piece->text();
    }
}

// The error of the GOAWAY in `got`; -1 without one.
int goaway_of(std::string_view got) {
    while (got.size() >= 9) {
        const auto size =
            static_cast<std::size_t>(static_cast<unsigned char>(got[1])) << 8U | static_cast<unsigned char>(got[2]);
        if (got[3] == 7 && got.size() >= 17) return got[16];
        got.remove_prefix(std::min(got.size(), 9 + size));
    }
    return -1;
}
constexpr int k_calm = 11;  // ENHANCE_YOUR_CALM

std::string times(std::size_t count, std::string_view one) {
    std::string all;
    for (std::size_t at = 0; at < count; ++at) all += one;
    return all;
}

const std::string k_get = frame(1, 5, 1,
                                std::string_view{"\x82\x86\x04\x06/hello\x01\x01"
                                                 "a",
                                                 13});
const std::string k_post = frame(1, 4, 1, post("60000"));

Task<> calmed(Site& site, std::string frames, Cut why) {
    const auto got = co_await said_to(site, std::move(frames));
    EXPECT_EQ(goaway_of(got), k_calm);
    EXPECT_EQ(site.metrics.cuts(why), 1U);
}

Task<> window_updates(Site& site) {
    co_await calmed(site, times(3000, frame(8, 0, 0, std::string_view{"\0\0\0\1", 4})), Cut::window_updates);
}
TEST(Http2Session, ClosesOnAFloodOfWindowUpdates) { play(window_updates); }

Task<> late_window_updates(Site& site) {
    co_await calmed(site, k_get + times(3000, frame(8, 0, 1, std::string_view{"\0\0\0\1", 4})), Cut::window_updates);
}
TEST(Http2Session, ClosesOnAFloodToAStreamThatIsOver) { play(late_window_updates); }

Task<> unknown_frames(Site& site) { co_await calmed(site, times(1000, frame(0x77, 0, 0, "?")), Cut::control); }
TEST(Http2Session, ClosesOnAFloodOfUnknownFrames) { play(unknown_frames); }

Task<> small_data(Site& site) { co_await calmed(site, k_post + times(40'000, frame(0, 0, 1, "x")), Cut::small_data); }
TEST(Http2Session, ClosesOnAFloodOfTinyData) { play(small_data); }

Task<> padding(Site& site) {
    const auto padded = frame(0, 8, 1, std::string{"\x7f"}.append(127, '\0'));
    co_await calmed(site, k_post + times(400, padded), Cut::empty_data);
}
TEST(Http2Session, ClosesOnDataThatIsAllPadding) { play(padding); }

std::string numbered(std::string one, std::size_t stream) {
    one[7] = static_cast<char>(stream >> 8U);
    one[8] = static_cast<char>(stream);
    return one;
}

// CVE-2025-8671: resets that the server is made to send count as those of the client do.
Task<> made_resets(Site& site) {
    std::string frames;
    for (std::size_t stream = 1; stream < 1000; stream += 2) {
        frames += numbered(k_get, stream);
        frames += numbered(frame(8, 0, 1, std::string_view{"\x7f\xff\xff\xff", 4}), stream);
    }
    co_await calmed(site, std::move(frames), Cut::errors);
    EXPECT_LE(site.answers.asked, 2 * site.options.max_streams);
}
TEST(Http2Session, ClosesWhenItIsMadeToResetManyStreams) { play(made_resets); }

Task<> large_block(Site& site) {
    const auto part = std::string(100, '\x82');
    co_await calmed(site, frame(1, 0, 1, part) + times(1000, frame(9, 0, 1, part)), Cut::header_size);
}
TEST(Http2Session, ClosesOnABlockThatIsTooLargeToDecode) {
    play([](Site& site) -> Task<> {
        site.options.head_bytes = 400;
        return large_block(site);
    });
}

Task<> long_target(Site& site) {
    site.options.target_bytes = 5;
    auto request = site.request("GET", "/hello");
    auto sent = co_await site.pool.send(request);
    EXPECT_TRUE(sent && sent->status == 414);
}
TEST(Http2Session, RefusesATargetThatIsTooLong) { play(long_target); }

Task<> body_too_slow(Site& site) {
    site.options.body_idle_timeout = std::chrono::milliseconds{200};
    site.options.min_body_rate = 1000;
    auto stream = co_await site.dial();
    auto start = net::Chunk::of(k_start + k_post);
    (void)co_await stream->write(std::move(start), Deadline::max());
    for (int at = 0; at < 40; ++at) {
        auto one = net::Chunk::of(frame(0, 0, 1, "x"));
        (void)co_await stream->write(std::move(one), Deadline::max());
        (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{20}));
    }
    EXPECT_EQ(site.metrics.cuts(Cut::body_time), 1U);
}
TEST(Http2Session, GivesUpABodyThatComesTooSlowly) { play(body_too_slow); }

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

// The last stream that a GOAWAY names; nothing when none is there.
std::vector<std::uint32_t> last_streams(std::string_view got) {
    std::vector<std::uint32_t> named;
    while (got.size() >= 13) {
        const auto byte = [got](std::size_t at) {
            return static_cast<std::uint32_t>(static_cast<unsigned char>(got[at]));
        };
        const auto size = byte(1) << 8U | byte(2);
        if (got[3] == 7) named.push_back(byte(9) << 24U | byte(10) << 16U | byte(11) << 8U | byte(12));
        got.remove_prefix(std::min<std::size_t>(got.size(), 9 + size));
    }
    return named;
}

Task<> leaves_in_two_steps(Site& site) {
    using namespace std::string_literals;
    auto stream = co_await site.dial();
    auto start = net::Chunk::of(k_start + frame(4, 1, 0, {}));
    (void)co_await stream->write(std::move(start), Deadline::max());
    (void)co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{50}));
    site.server.drain(std::chrono::seconds{20});
    std::string got;
    const auto deadline = after(net::Loop::current().now(), std::chrono::seconds{3});
    while (!holds_frame(got, 6)) {
        auto piece = co_await stream->read(65536, deadline);
        EXPECT_TRUE(piece && !piece->empty());
        if (!piece || piece->empty()) co_return;
        got += piece->text();
    }
    EXPECT_EQ(last_streams(got), std::vector<std::uint32_t>{0x7fffffffU});
    // Sent before it could know; the answer to the PING behind it.
    auto late = net::Chunk::of(frame(1, 5, 1,
                                     "\x82\x86\x04\x06/hello\x01\x01"
                                     "a"s) +
                               frame(6, 1, 0, "\0\0\0\0\0\0\0\0"s));
    (void)co_await stream->write(std::move(late), Deadline::max());
    for (;;) {
        auto piece = co_await stream->read(65536, deadline);
        EXPECT_TRUE(piece);
        if (!piece || piece->empty()) break;
        got += piece->text();
    }
    EXPECT_TRUE(holds_frame(got, 1)) << "the late request is answered";
    EXPECT_EQ(last_streams(got).back(), 1U);
}
TEST(Http2Session, TakesItsLeaveInTwoSteps) { play(leaves_in_two_steps); }

}  // namespace
}  // namespace longshore::http

#include "tls/stream.hpp"

#include "base/testing/memory_files.hpp"
#include "net/scope.hpp"
#include "tls/testing/pair.hpp"
#include "tls/testing/test_ca.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace longshore::tls {
namespace {

using std::chrono::milliseconds;
using testing::TestCa;
using testing::TlsEnds;

constexpr std::size_t k_read = 64 * 1024;

// Bytes that are not the same at any two places a slice could be confused with.
std::string pattern(std::size_t size, std::uint32_t seed) {
    std::string text(size, '\0');
    for (auto& c : text) c = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
    return text;
}

net::FileRange whole(std::shared_ptr<const File> file) {
    const auto size = file->facts()->size;
    return {std::move(file), 0, size};
}

// A file of which nothing is in memory.
class ColdFile final : public File {
public:
    explicit ColdFile(std::string content) : content_(std::move(content)) {}
    [[nodiscard]] int descriptor() const noexcept override { return -1; }
    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        const auto part =
            std::string_view{content_}.substr(std::min<std::size_t>(offset, content_.size()), into.size());
        std::ranges::copy(std::as_bytes(std::span{part}), into.begin());
        return part.size();
    }
    [[nodiscard]] Result<std::size_t> read_cached(std::uint64_t, std::span<std::byte>) const override {
        return Error{Errc::overloaded, {}};
    }
    [[nodiscard]] Result<> write_at(std::uint64_t, std::span<const std::byte>) override {
        return Error{Errc::unsupported, {}};
    }
    [[nodiscard]] Result<> sync() override { return {}; }
    [[nodiscard]] Result<FileFacts> facts() const override { return FileFacts{content_.size()}; }

private:
    std::string content_;
};

class Stream : public ::testing::Test {
protected:
    Stream() : ends_(loop_.run(testing::handshake(*server_, *client_, "a.example"))) {}
    TlsStream& server() { return **ends_.server; }
    TlsStream& client() { return **ends_.client; }

    DiskPool disk_{1};
    testing::OneLoop loop_;
    TestCa ca_;
    std::unique_ptr<ServerContext> server_ = ca_.server_context({"a.example"}, disk_);
    std::unique_ptr<ClientContext> client_ = ca_.client_context(disk_);
    TlsEnds ends_;
};

Task<> send(net::ByteStream& stream, net::Chunk chunk, Result<>& result) {
    result = co_await stream.write(std::move(chunk), Deadline::max());
    if (result) result = co_await stream.finish(Deadline::max());
}

Task<> send_file(net::ByteStream& stream, net::FileRange range, Result<>& result) {
    result = co_await stream.write_file(std::move(range), Deadline::max());
    if (result) result = co_await stream.finish(Deadline::max());
}

Task<Result<std::string>> receive(net::ByteStream& stream) {
    std::string all;
    for (;;) {
        auto got = co_await stream.read(k_read, Deadline::max());
        if (!got) co_return got.error();
        if (got->empty()) co_return all;
        all += got->text();
    }
}

Task<> receive_into(net::ByteStream& stream, Result<std::string>& into) { into = co_await receive(stream); }

struct Exchanged {
    Result<std::string> at_server = std::string{};
    Result<std::string> at_client = std::string{};
    Result<> from_server;
    Result<> from_client;
};

Task<Exchanged> exchange(net::ByteStream& server, net::ByteStream& client, net::Chunk down, net::Chunk up) {
    Exchanged result;
    net::Scope scope;
    scope.start(send(server, std::move(down), result.from_server));
    scope.start(send(client, std::move(up), result.from_client));
    scope.start(receive_into(server, result.at_server));
    scope.start(receive_into(client, result.at_client));
    co_await scope.join();
    co_return result;
}

TEST_F(Stream, CarriesMuchBothWaysAtOnce) {
    const auto down = pattern(64 << 20, 1);
    const auto up = pattern(64 << 20, 2);

    const auto result = loop_.run(exchange(server(), client(), net::Chunk::of_static(down), net::Chunk::of_static(up)));

    ASSERT_TRUE(result.at_server && result.at_client && result.from_server && result.from_client);
    EXPECT_TRUE(*result.at_server == up);
    EXPECT_TRUE(*result.at_client == down);
}

Task<Result<std::string>> file_over(TlsStream& server, TlsStream& client, net::FileRange range, Result<>& sent) {
    net::Scope scope;
    scope.start(send_file(server, std::move(range), sent));
    auto got = co_await receive(client);
    co_await scope.join();
    co_return got;
}

TEST_F(Stream, SendsAFileAsItsBytes) {
    longshore::testing::MemoryFiles files;
    const auto content = pattern(3'000'017, 3);
    ASSERT_TRUE(write_whole(files, "/blob", content));
    Result<> sent;

    const auto got = loop_.run(file_over(server(), client(), whole(*files.open("/blob")), sent));

    ASSERT_TRUE(sent && got);
    EXPECT_TRUE(*got == content);
}

TEST_F(Stream, SendsAPartOfAFile) {
    const auto content = pattern(100'000, 4);
    Result<> sent;
    net::FileRange range{std::make_shared<ColdFile>(content), 5, 70'000};

    const auto got = loop_.run(file_over(server(), client(), std::move(range), sent));

    ASSERT_TRUE(sent && got);
    EXPECT_TRUE(*got == content.substr(5, 70'000));
}

TEST_F(Stream, ReadsFilesThatAreNotInMemoryFromTheDiskPool) {
    const auto content = pattern(1'000'001, 5);
    Result<> sent;

    const auto got = loop_.run(file_over(server(), client(), whole(std::make_shared<ColdFile>(content)), sent));

    ASSERT_TRUE(sent && got);
    EXPECT_TRUE(*got == content);
}

Task<Errc> send_short_file(TlsStream& server) {
    net::FileRange range{std::make_shared<ColdFile>("short"), 0, 6};
    const auto sent = co_await server.write_file(std::move(range), Deadline::max());
    co_return sent ? Errc::invalid : sent.error().code;
}

TEST_F(Stream, AFileShorterThanItsRangeIsCorrupt) { EXPECT_EQ(loop_.run(send_short_file(server())), Errc::corrupt); }

TEST_F(Stream, GoesOnReadingAfterItsOwnEnd) {
    const auto result =
        loop_.run(exchange(server(), client(), net::Chunk::of("a reply that comes after the end"), net::Chunk{}));

    ASSERT_TRUE(result.at_server && result.at_client);
    EXPECT_EQ(*result.at_server, "");
    EXPECT_EQ(*result.at_client, "a reply that comes after the end");
}

Task<Result<std::string>> truncated(TlsStream& server, TlsStream& client) {
    auto part = net::Chunk::of_static("half of it");
    (void)co_await server.write(std::move(part), Deadline::max());
    (void)co_await server.transport().finish(Deadline::max());
    auto got = co_await receive(client);
    co_return got;
}

TEST_F(Stream, AnEndWithoutCloseNotifyIsAnError) {
    const auto got = loop_.run(truncated(server(), client()));

    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Errc::peer_closed);
    EXPECT_TRUE(got.error().where.contains("without close_notify")) << got.error().where;
}

Task<Result<net::Chunk>> read_twice_after_truncation(TlsStream& server, TlsStream& client) {
    (void)co_await server.transport().finish(Deadline::max());
    (void)co_await client.read(k_read, Deadline::max());
    auto again = co_await client.read(k_read, Deadline::max());
    co_return again;
}

TEST_F(Stream, AFailedReadFailsAgain) {
    const auto got = loop_.run(read_twice_after_truncation(server(), client()));

    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Errc::peer_closed);
}

Task<Error> tampered(TlsStream& server, TlsStream& client) {
    // An application-data record that no key of this connection has sealed.
    auto forged = net::Chunk::of(std::string{"\x17\x03\x03\x00\x20", 5} + std::string(32, 'x'));
    (void)co_await server.transport().write(std::move(forged), Deadline::max());
    const auto got = co_await client.read(k_read, Deadline::max());
    co_return got ? Error{Errc::invalid, "read"} : got.error();
}

TEST_F(Stream, ATamperedRecordIsCorrupt) {
    const auto error = loop_.run(tampered(server(), client()));

    EXPECT_EQ(error.code, Errc::corrupt);
    EXPECT_TRUE(error.where.contains("bad record mac")) << error.where;
}

Task<Errc> read_silence(TlsStream& stream) {
    const auto got = co_await stream.read(k_read, net::Loop::current().now() + milliseconds{20});
    co_return got ? Errc::invalid : got.error().code;
}

TEST_F(Stream, ReadFromASilentPeerEndsAtItsDeadlineAndMayBeTriedAgain) {
    EXPECT_EQ(loop_.run(read_silence(client())), Errc::timeout);

    const auto result = loop_.run(exchange(server(), client(), net::Chunk::of("late"), net::Chunk{}));
    EXPECT_EQ(*result.at_client, "late");
}

Task<Errc> read_at_pace(TlsStream& stream) {
    stream.set_pace({.read_idle = milliseconds{20}});
    const auto got = co_await stream.read(k_read, Deadline::max());
    co_return got ? Errc::invalid : got.error().code;
}

TEST_F(Stream, KeepsThePaceAskedFor) { EXPECT_EQ(loop_.run(read_at_pace(client())), Errc::timeout); }

Task<std::pair<Errc, Errc>> write_to_a_stopped_reader(TlsStream& stream) {
    auto much = net::Chunk::of(std::string(64 << 20, 'x'));
    const auto first = co_await stream.write(std::move(much), net::Loop::current().now() + milliseconds{50});
    auto little = net::Chunk::of_static("x");
    const auto second = co_await stream.write(std::move(little), Deadline::max());
    co_return std::pair{first ? Errc::invalid : first.error().code, second ? Errc::invalid : second.error().code};
}

TEST_F(Stream, NothingFollowsAWriteThatWasCutShort) {
    EXPECT_EQ(loop_.run(write_to_a_stopped_reader(server())), (std::pair{Errc::timeout, Errc::peer_closed}));
}

Task<> abort_soon(TlsStream& stream) {
    (void)co_await net::sleep(net::Loop::current().now() + milliseconds{20});
    stream.abort(Errc::overloaded);
}

Task<std::pair<Errc, Errc>> read_then_aborted(TlsStream& stream) {
    net::Scope scope;
    scope.start(abort_soon(stream));
    const auto first = co_await stream.read(k_read, Deadline::max());
    const auto second = co_await stream.read(k_read, Deadline::max());
    co_await scope.join();
    co_return std::pair{first ? Errc::invalid : first.error().code, second ? Errc::invalid : second.error().code};
}

TEST_F(Stream, AbortEndsAReadWithItsReason) {
    EXPECT_EQ(loop_.run(read_then_aborted(client())), (std::pair{Errc::overloaded, Errc::overloaded}));
}

Task<> read_once(TlsStream& stream, Errc& into) {
    const auto got = co_await stream.read(k_read, Deadline::max());
    into = got ? Errc::invalid : got.error().code;
}

Task<Errc> read_then_cancelled(TlsStream& stream) {
    Errc ended{};
    net::Scope scope;
    scope.start(read_once(stream, ended));
    (void)co_await net::sleep(net::Loop::current().now() + milliseconds{20});
    scope.cancel();
    co_await scope.join();
    co_return ended;
}

TEST_F(Stream, CancellingTheScopeEndsARead) { EXPECT_EQ(loop_.run(read_then_cancelled(client())), Errc::cancelled); }

TEST_F(Stream, WithKernelTlsAskedForCarriesFilesWhetherTheKernelCanOrNot) {
    const auto server_context = ca_.server_context({"a.example"}, disk_, {.kernel_tls = true});
    const auto ends = loop_.run(testing::handshake(*server_context, *client_, "a.example"));
    const std::string path = "/proc/self/exe";
    const auto executable = *system_files().open(path);
    net::FileRange range{executable, 0, 2'000'000};
    std::string content(range.length, '\0');
    ASSERT_EQ(*executable->read_at(0, std::as_writable_bytes(std::span{content})), content.size());
    Result<> sent;

    const auto got = loop_.run(file_over(**ends.server, **ends.client, std::move(range), sent));

    ASSERT_TRUE(sent && got);
    EXPECT_TRUE(*got == content);
}

}  // namespace
}  // namespace longshore::tls

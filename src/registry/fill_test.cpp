#include "registry/fill.hpp"

#include "net/testing/run.hpp"
#include "registry/testing/store_world.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

using testing::bytes_of;
using testing::digest_of;
using testing::StoreWorld;
using testing::voucher;

constexpr std::size_t k_pull = 1024;  // bytes
constexpr std::string_view k_text = "abcdefgh";

// A fill on the calling loop, with the file it grows.
struct Filling {
    StoreWorld world;
    BlobWriter writer = world.blobs->begin(digest_of(k_text), std::nullopt).value();
    std::shared_ptr<Fill> fill =
        std::make_shared<Fill>(net::Loop::current(), digest_of(k_text), voucher("library/alpine"));

    void begin(std::optional<std::uint64_t> total) { fill->begin(writer.file(), total); }
    void write(std::string_view text) {
        ASSERT_TRUE(writer.append(bytes_of(text)));
        fill->grow(writer.written());
    }
};

std::string text_of(const http::BodyEvent& event) {
    if (const auto* chunk = std::get_if<net::Chunk>(&event)) return std::string{chunk->text()};
    const auto& range = std::get<net::FileRange>(event);
    std::string text(range.length, '.');
    EXPECT_EQ(range.file->read_at(range.offset, std::as_writable_bytes(std::span{text})).value(), range.length);
    return text;
}

bool is_memory(const http::BodyEvent& event) { return std::holds_alternative<net::Chunk>(event); }

Task<bool> early_bytes_come_from_memory() {
    Filling filling;
    filling.begin(8);
    filling.fill->start_with(bytes_of("abc"));
    const auto reader = filling.fill->reader(0, 8);

    const auto early = co_await reader->next(k_pull);
    EXPECT_TRUE(early && is_memory(*early) && text_of(*early) == "abc");

    filling.write("abcdefgh");
    const auto most = co_await reader->next(k_pull);
    EXPECT_TRUE(most && !is_memory(*most) && text_of(*most) == "defg");

    filling.fill->complete(8);
    const auto last = co_await reader->next(k_pull);
    EXPECT_TRUE(last && text_of(*last) == "h");
    co_return true;
}

TEST(Fill, GivesTheFirstBytesBeforeTheFileHasAny) { EXPECT_TRUE(net::testing::run(early_bytes_come_from_memory())); }

// What `next` gave by the time the fill failed: nothing when it waited until then.
Task<Result<http::BodyEvent>> next_until_failure(std::optional<std::uint64_t> total, std::string_view first,
                                                 std::uint64_t offset) {
    Filling filling;
    filling.begin(total);
    filling.fill->start_with(bytes_of(first));
    const auto reader = filling.fill->reader(offset, total);
    net::Scope scope;
    std::optional<Result<http::BodyEvent>> event;
    scope.start([](http::BodySource& source, std::optional<Result<http::BodyEvent>>& into) -> Task<> {
        into.emplace(co_await source.next(k_pull));
    }(*reader, event));
    co_await net::yield();
    co_await net::yield();
    filling.fill->fail({});
    co_await scope.join();
    co_return std::move(*event);
}

std::string given(std::optional<std::uint64_t> total, std::string_view first, std::uint64_t offset) {
    const auto event = net::testing::run(next_until_failure(total, first, offset));
    return event ? text_of(*event) : "nothing";
}

TEST(Fill, KeepsTheLastByteOfABlobBack) {
    EXPECT_EQ(given(3, "abc", 0), "ab");
    EXPECT_EQ(given(1, "a", 0), "nothing");
    EXPECT_EQ(given(std::nullopt, "abc", 0), "ab") << "the newest byte may be the last";
}

TEST(Fill, StartsARangeWithinTheFirstBytesOnly) {
    EXPECT_EQ(given(8, "abcd", 2), "cd");
    EXPECT_EQ(given(8, "abcd", 4), "nothing") << "that part comes from the file";
}

Task<bool> range_ends_within_the_first_bytes() {
    Filling filling;
    filling.begin(8);
    filling.fill->start_with(bytes_of("abcd"));
    const auto reader = filling.fill->reader(1, 3);
    const auto part = co_await reader->next(k_pull);
    EXPECT_TRUE(part && text_of(*part) == "bc");
    const auto end = co_await reader->next(k_pull);
    EXPECT_TRUE(end && std::holds_alternative<http::Trailers>(*end));
    co_return true;
}

TEST(Fill, EndsARangeWithinTheFirstBytes) { EXPECT_TRUE(net::testing::run(range_ends_within_the_first_bytes())); }

}  // namespace
}  // namespace longshore::registry

#include "registry/passing.hpp"

#include "base/testing/memory_files.hpp"
#include "net/testing/run.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

constexpr std::string_view k_text = "abcdefgh";

class Letters final : public http::BodySource {
public:
    // `text` in pieces of three bytes; then its end, or a failure.
    explicit Letters(std::string text, std::optional<Errc> failure = {}) : text_(std::move(text)), failure_(failure) {}
    [[nodiscard]] Task<Result<http::BodyEvent>> next(std::size_t) override {
        if (text_.empty() && failure_) co_return Error{*failure_, "letters"};
        if (text_.empty()) co_return http::Trailers{};
        auto piece = text_.substr(0, 3);
        text_.erase(0, piece.size());
        co_return net::Chunk::of(std::move(piece));
    }
    void cancel(Errc) noexcept override {}

private:
    std::string text_;
    std::optional<Errc> failure_;
};

struct Passed {
    std::string text;
    std::optional<Errc> failed;
    friend bool operator==(const Passed&, const Passed&) = default;
};

struct Wanted {
    std::uint64_t first = 0;
    std::optional<std::uint64_t> end;
};

struct Given {
    std::string file;  // the beginning, which is here already
    std::string body;
    std::optional<Errc> failure;
};

Task<Passed> pass(Given given, Wanted wanted) {
    DiskPool disk{1};
    longshore::testing::MemoryFiles files;
    auto file = files.create("begun").value();
    (void)file->write_at(0, std::as_bytes(std::span{given.file}));
    auto body = http::Body::of(std::make_unique<Letters>(std::move(given.body), given.failure), std::nullopt);
    const auto digest = Digest::sha256_of(std::as_bytes(std::span{k_text}));
    Passing passing{std::move(body), digest, disk, {std::move(file), given.file.size()}};
    passing.select(wanted.first, wanted.end);
    Passed passed;
    for (;;) {
        auto event = co_await passing.next(1024);
        if (!event) passed.failed = event.error().code;
        if (!event || std::holds_alternative<http::Trailers>(*event)) co_return passed;
        passed.text += std::get<net::Chunk>(*event).text();
    }
}

Passed passed(std::string text, Wanted wanted = {}, std::optional<Errc> failure = {}) {
    return net::testing::run(pass({{}, std::move(text), failure}, wanted));
}

Passed resumed(std::string file, std::string rest, Wanted wanted) {
    return net::testing::run(pass({std::move(file), std::move(rest), {}}, wanted));
}

TEST(Passing, PassesAllOfARightBlob) {
    EXPECT_EQ(passed("abcdefgh"), (Passed{"abcdefgh", {}}));
    EXPECT_EQ(passed("abcdefgh", {0, 8}), (Passed{"abcdefgh", {}}));
}

TEST(Passing, PassesTheWantedPart) {
    EXPECT_EQ(passed("abcdefgh", {1, 3}), (Passed{"bc", {}}));
    EXPECT_EQ(passed("abcdefgh", {2, 7}), (Passed{"cdefg", {}}));
    EXPECT_EQ(passed("abcdefgh", {4, {}}), (Passed{"efgh", {}}));
    EXPECT_EQ(passed("abcdefgh", {7, 8}), (Passed{"h", {}}));
}

TEST(Passing, NeverGivesTheLastBytesOfAWrongBlob) {
    EXPECT_EQ(passed("abcdefgX"), (Passed{"abcdef", Errc::corrupt}));
    EXPECT_EQ(passed("abcdefgX", {0, 8}), (Passed{"abcdef", Errc::corrupt}));
    EXPECT_EQ(passed("abcdefgX", {1, 3}), (Passed{"", Errc::corrupt})) << "also when the part itself is right";
    EXPECT_EQ(passed("abcdefg"), (Passed{"abcdef", Errc::corrupt}));
    EXPECT_EQ(passed("abcdefghi"), (Passed{"abcdef", Errc::corrupt}));
}

TEST(Passing, PassesTheRestOfABlobThatIsBegun) {
    EXPECT_EQ(resumed("abcd", "efgh", {4, {}}), (Passed{"efgh", {}}));
    EXPECT_EQ(resumed("abcd", "efgh", {5, 7}), (Passed{"fg", {}}));
    EXPECT_EQ(resumed("abcdefg", "h", {7, 8}), (Passed{"h", {}}));
}

TEST(Passing, ProvesTheBeginningWithTheRest) {
    EXPECT_EQ(resumed("aXcd", "efgh", {4, {}}), (Passed{"efg", Errc::corrupt}));
    EXPECT_EQ(resumed("abcd", "efgX", {4, {}}), (Passed{"efg", Errc::corrupt}));
    EXPECT_EQ(resumed("abcd", "efg", {4, {}}), (Passed{"", Errc::corrupt}));
}

TEST(Passing, TellsWhatBrokeOff) { EXPECT_EQ(passed("abcdef", {}, Errc::timeout), (Passed{"abc", Errc::timeout})); }

}  // namespace
}  // namespace longshore::registry

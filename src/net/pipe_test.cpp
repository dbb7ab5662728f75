#include "net/pipe.hpp"

#include "net/on_loop.hpp"
#include "net/scope.hpp"
#include "net/testing/run.hpp"
#include "net/wait.hpp"

#include <gtest/gtest.h>

namespace longshore::net {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t k_bound = 4096;

Task<> send_numbers(ByteStream& end, int count) {
    for (int i = 0; i < count; ++i) (void)co_await end.write(Chunk::of(std::to_string(i) + ","), Deadline::max());
    (void)co_await end.finish(Deadline::max());
}

Task<std::string> read_all(ByteStream& end) {
    std::string all;
    for (;;) {
        auto chunk = co_await end.read(100, Deadline::max());
        if (!chunk || chunk->empty()) co_return all;
        all.append(chunk->text());
    }
}

std::string numbers(int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all.append(std::to_string(i)).append(",");
    return all;
}

Task<std::string> within_one_loop() {
    auto& loop = Loop::current();
    auto ends = pipe(loop, loop, k_bound);
    Scope scope;
    scope.start(send_numbers(*ends.first, 5000));
    auto all = co_await read_all(*ends.second);
    co_await scope.join();
    co_return all;
}

TEST(Pipe, CarriesBytesInOrderAndTheirEnd) { EXPECT_EQ(testing::run(within_one_loop()), numbers(5000)); }

Task<std::string> read_and_close(std::unique_ptr<ByteStream> end) {
    auto all = co_await read_all(*end);
    co_return all;
}

Task<std::string> across_loops(Loop& other) {
    auto ends = pipe(Loop::current(), other, k_bound);
    Scope scope;
    scope.start(send_numbers(*ends.first, 5000));
    auto all = co_await on_loop(other, read_and_close(std::move(ends.second)));
    co_await scope.join();
    co_return all;
}

TEST(Pipe, CarriesBytesAcrossLoops) {
    testing::LoopThread other{1};
    EXPECT_EQ(testing::run(across_loops(other.loop())), numbers(5000));
}

Task<Errc> write_beyond_the_bound() {
    auto& loop = Loop::current();
    auto ends = pipe(loop, loop, k_bound);
    (void)co_await ends.first->write(Chunk::of(std::string(k_bound, 'x')), Deadline::max());
    auto more = co_await ends.first->write(Chunk::of("y"), loop.now() + milliseconds{20});
    co_return more ? Errc::invalid : more.error().code;
}

TEST(Pipe, AFullPipeHoldsItsWriter) { EXPECT_EQ(testing::run(write_beyond_the_bound()), Errc::timeout); }

Task<Errc> read_from_the_deserted() {
    auto& loop = Loop::current();
    auto ends = pipe(loop, loop, k_bound);
    ends.first.reset();
    auto got = co_await ends.second->read(10, Deadline::max());
    co_return got ? Errc::invalid : got.error().code;
}

TEST(Pipe, AnEndThatIsDestroyedUnfinishedIsAnError) {
    EXPECT_EQ(testing::run(read_from_the_deserted()), Errc::peer_closed);
}

}  // namespace
}  // namespace longshore::net

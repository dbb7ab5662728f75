#include "base/steady_wall.hpp"

#include "base/testing/manual_clock.hpp"

#include <gtest/gtest.h>

namespace longshore {
namespace {

using namespace std::chrono_literals;

TEST(SteadyWall, GoesOnWhenTheWallClockJumps) {
    testing::ManualClock clock;
    const SteadyWall wall{clock};
    const auto start = clock.wall();

    for (const auto jump : {1h, -1h, 24h, -24h, -500'000h}) {
        clock.set_wall(jump);
        EXPECT_EQ(wall.now(), start);
    }
    clock.advance(90s);

    EXPECT_EQ(wall.now(), start + 90s);
}

TEST(After, NeverOverflows) {
    const testing::ManualClock clock;

    EXPECT_EQ(after(clock.now(), 1h), clock.now() + 1h);
    EXPECT_EQ(after(clock.now(), std::chrono::nanoseconds::max()), Deadline::max());
}

}  // namespace
}  // namespace longshore

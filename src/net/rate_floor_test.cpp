#include "net/rate_floor.hpp"

#include <gtest/gtest.h>

namespace longshore::net {
namespace {

using namespace std::chrono_literals;

const Deadline k_now{1000s};

TEST(RateFloor, GivesAFreshTransferAllTheTimeThereIs) {
    const RateFloor floor{100, 10s};

    EXPECT_EQ(floor.limit(k_now), k_now + 10s);
}

TEST(RateFloor, RunsOutForAPeerThatIsTooSlowHoweverItSpacesItsBytes) {
    RateFloor floor{100, 10s};
    std::chrono::seconds lasted{0};

    for (; lasted < 60s; lasted += 1s) {
        floor.waited(1s);
        if (floor.spent()) break;
        floor.moved(1);
    }

    EXPECT_EQ(lasted, 10s);
}

TEST(RateFloor, NeverRunsOutForAPeerThatIsFastEnough) {
    RateFloor floor{100, 10s};

    for (int round = 0; round < 1000; ++round) {
        floor.waited(8s);
        EXPECT_FALSE(floor.spent()) << round;
        floor.moved(800);
    }
}

TEST(RateFloor, SavesUpNoMoreThanTheMost) {
    RateFloor floor{100, 10s};

    floor.moved(UINT64_MAX);
    floor.waited(4s);

    EXPECT_EQ(floor.limit(k_now), k_now + 6s);
}

TEST(RateFloor, AtRateZeroAnyByteIsEnough) {
    RateFloor floor{0, 10s};

    floor.waited(9s);
    floor.moved(1);
    EXPECT_EQ(floor.limit(k_now), k_now + 10s);

    floor.waited(10s);
    EXPECT_TRUE(floor.spent());
}

TEST(RateFloor, WithoutAnEndItNeverRunsOut) {
    RateFloor floor{0, std::chrono::nanoseconds::max()};

    floor.waited(1000h);

    EXPECT_FALSE(floor.spent());
    EXPECT_EQ(floor.limit(k_now), Deadline::max());
}

}  // namespace
}  // namespace longshore::net

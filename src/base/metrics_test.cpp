#include "base/metrics.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace longshore {
namespace {

TEST(Metrics, ACounterLosesNothingBetweenThreads) {
    Counter counter;
    const auto count = [&counter] {
        for (int i = 0; i < 10'000; ++i) counter.add();
    };

    std::thread other{count};
    count();
    other.join();

    EXPECT_EQ(counter.value(), 20'000U);
}

TEST(Metrics, AGaugeGoesBothWays) {
    Gauge gauge;

    gauge.add(3);
    gauge.subtract(5);

    EXPECT_EQ(gauge.value(), -2);
}

TEST(Metrics, AHistogramPutsBoundsIntoTheLowerBucket) {
    static constexpr std::array<double, 2> k_bounds{1, 2};
    Histogram histogram{k_bounds};

    for (const double value : {0.5, 1.0, 1.5, 2.5}) histogram.observe(value);

    const auto reading = histogram.read();
    EXPECT_EQ(reading.counts[0], 2U);
    EXPECT_EQ(reading.counts[1], 1U);
    EXPECT_EQ(reading.counts[2], 1U);
    EXPECT_DOUBLE_EQ(reading.sum, 5.5);
}

TEST(Metrics, SeriesThatAreCountedApartDoNotShareACacheLine) {
    EXPECT_EQ(sizeof(Counter), k_cache_line);
    EXPECT_EQ(alignof(Gauge), k_cache_line);
}

}  // namespace
}  // namespace longshore

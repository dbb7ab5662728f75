#include "registry/store_health.hpp"

#include "base/testing/log_capture.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

using namespace std::chrono_literals;

constexpr Deadline k_start{1h};
const Error k_full{Errc::io, "/data/x write: No space left on device"};
const std::string k_failed_line = "error store_failed why=\"i/o error: /data/x write: No space left on device\"\n";

struct Watched {
    longshore::testing::LogCapture logged;
    Gauge failing;
    StoreHealth health{failing};
};

TEST(StoreHealth, RestsForASecondAfterEachFailure) {
    Watched store;
    EXPECT_FALSE(store.health.rests(k_start));

    store.health.failed(k_full, k_start);

    EXPECT_TRUE(store.health.rests(k_start + 999ms));
    EXPECT_FALSE(store.health.rests(k_start + 1s));
}

TEST(StoreHealth, RestsForNoFileThatStandsInNobodysWay) {
    Watched store;

    store.health.noticed(k_full, k_start);

    EXPECT_FALSE(store.health.rests(k_start));
    EXPECT_EQ(store.failing.value(), 1);
    EXPECT_EQ(store.logged.lines(), k_failed_line);
}

TEST(StoreHealth, SaysOnceThatItFailsAndOnceThatItWorks) {
    Watched store;

    for (auto now = k_start; now < k_start + 1h; now += 1s) store.health.failed(k_full, now);
    EXPECT_EQ(store.failing.value(), 1);
    for (int i = 0; i < 10; ++i) store.health.worked();

    EXPECT_EQ(store.failing.value(), 0);
    EXPECT_EQ(store.logged.lines(), k_failed_line + "info store_recovered\n");
}

TEST(StoreHealth, IsReportedOnceAMinuteWhenItFailsInTurns) {
    Watched store;

    for (auto now = k_start; now < k_start + 2min; now += 1s) {
        store.health.failed(k_full, now);
        store.health.worked();
    }

    const auto once = k_failed_line + "info store_recovered\n";
    EXPECT_EQ(store.logged.lines(), once + once);
}

}  // namespace
}  // namespace longshore::registry

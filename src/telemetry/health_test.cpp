#include "telemetry/health.hpp"

#include "base/testing/manual_clock.hpp"

#include <gtest/gtest.h>

namespace longshore::telemetry {
namespace {

using namespace std::chrono_literals;

TEST(Readiness, IsReadyWhileEveryCheckPasses) {
    bool full = false;
    const Readiness readiness{{{"disk", [&full]() -> Result<> {
                                    if (full) return Error{Errc::io, "no space left"};
                                    return {};
                                }}}};

    EXPECT_TRUE(readiness.reasons().empty());

    full = true;
    ASSERT_EQ(readiness.reasons().size(), 1U);
    EXPECT_EQ(readiness.reasons()[0].check, "disk");
    EXPECT_EQ(readiness.reasons()[0].text, "i/o error: no space left");
}

TEST(Readiness, EndsForGoodWhenDraining) {
    Readiness readiness{{}};

    readiness.drain();

    ASSERT_EQ(readiness.reasons().size(), 1U);
    EXPECT_EQ(readiness.reasons()[0].check, "draining");
}

class PulseTest : public ::testing::Test {
protected:
    longshore::testing::ManualClock clock_;
    boost::asio::io_context one_;
    boost::asio::io_context two_;
    Pulse pulse_{clock_, {&one_, &two_}, 10s};
};

TEST_F(PulseTest, PassesWhileLoopsAnswer) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(pulse_.check());
        one_.restart();
        two_.restart();
        EXPECT_EQ(one_.poll() + two_.poll(), 2U);
        clock_.advance(60s);
    }
}

TEST_F(PulseTest, NamesALoopThatDoesNotAnswer) {
    EXPECT_TRUE(pulse_.check());
    one_.poll();

    clock_.advance(10s);
    EXPECT_TRUE(pulse_.check());
    clock_.advance(1s);
    one_.restart();
    one_.poll();
    const auto stuck = pulse_.check();

    ASSERT_FALSE(stuck);
    EXPECT_EQ(stuck.error().where, "stuck: loop 1");
}

TEST_F(PulseTest, PassesAgainOnceTheLoopRuns) {
    EXPECT_TRUE(pulse_.check());
    clock_.advance(11s);
    EXPECT_FALSE(pulse_.check());

    one_.poll();
    two_.poll();

    EXPECT_TRUE(pulse_.check());
}

TEST_F(PulseTest, AsksALoopOnceUntilItAnswers) {
    for (int i = 0; i < 100; ++i) (void)pulse_.check();

    EXPECT_EQ(one_.poll(), 1U);
}

}  // namespace
}  // namespace longshore::telemetry

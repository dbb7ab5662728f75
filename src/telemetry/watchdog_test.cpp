#include "telemetry/watchdog.hpp"

#include "base/testing/log_capture.hpp"
#include "base/testing/manual_clock.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>

namespace longshore::telemetry {
namespace {

using namespace std::chrono_literals;

class WatchdogTest : public ::testing::Test {
protected:
    WatchdogTest() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::ranges::copy(name_, address.sun_path);
        address.sun_path[0] = '\0';
        const auto size = offsetof(sockaddr_un, sun_path) + name_.size();
        EXPECT_EQ(::bind(systemd_, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)), 0);
    }
    ~WatchdogTest() override { ::close(systemd_); }

    void pass(std::chrono::milliseconds span) {
        clock_.advance(span);
        loop_.timers().advance();
    }
    int signs_of_life() {
        int count = 0;
        std::array<char, 64> message;
        while (::recv(systemd_, message.data(), message.size(), MSG_DONTWAIT) > 0) ++count;
        return count;
    }

    std::string name_ = "@longshore-watchdog-" + std::to_string(::getpid());
    int systemd_ = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    longshore::testing::ManualClock clock_;
    net::Loop loop_{clock_};
    boost::asio::io_context watched_;
    Pulse pulse_{clock_, {&watched_}, 5s};
};

TEST_F(WatchdogTest, GivesASignOfLifeTwiceInTheTimeGranted) {
    ServiceManager manager{{name_, 2s}};
    const Watchdog watchdog{loop_, manager, pulse_};

    for (int i = 0; i < 3; ++i) {
        pass(1020ms);
        watched_.restart();
        watched_.poll();
    }

    EXPECT_EQ(signs_of_life(), 3);
}

TEST_F(WatchdogTest, FallsSilentWhenALoopIsStuckAndSaysSoOnce) {
    longshore::testing::LogCapture logged;
    ServiceManager manager{{name_, 2s}};
    const Watchdog watchdog{loop_, manager, pulse_};
    pass(1020ms);
    EXPECT_EQ(signs_of_life(), 1);

    pass(6s);
    pass(1020ms);

    EXPECT_EQ(signs_of_life(), 0);
    EXPECT_EQ(logged.lines(), "error loop_stuck reason=\"stuck: loop 0\"\n");
}

TEST_F(WatchdogTest, CostsNothingWhenNobodyWatches) {
    ServiceManager manager{{name_, std::nullopt}};
    const Watchdog watchdog{loop_, manager, pulse_};

    pass(60s);

    EXPECT_EQ(signs_of_life(), 0);
}

}  // namespace
}  // namespace longshore::telemetry

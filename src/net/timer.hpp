// Deadlines: one timer wheel per loop, 10 ms ticks.
//
// A Timer is a member of whatever waits; arming and disarming are a list insertion each, so that every read and
// write can carry a deadline. It fires on its loop, at most one tick late, never early. Idle wheels cost nothing.
#pragma once

#include "base/clock.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstdint>

namespace longshore::net {

class TimerWheel;

class Timer {
public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    virtual ~Timer() { disarm(); }

    void disarm() noexcept;
    [[nodiscard]] bool armed() const noexcept { return next_ != nullptr; }

protected:
    // Called once, disarmed, on the wheel's loop.
    virtual void fire() noexcept {}

private:
    friend class TimerWheel;
    Timer* next_ = nullptr;
    Timer* previous_ = nullptr;
    std::uint64_t tick_ = 0;
    TimerWheel* wheel_ = nullptr;
};

class TimerWheel {
public:
    static constexpr std::chrono::milliseconds k_tick{10};

    TimerWheel(boost::asio::io_context& context, const Clock& clock);
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;
    ~TimerWheel();

    // Arms (or moves) `timer`. Deadline::max() leaves it disarmed. A deadline in the past fires at the next tick.
    void arm(Timer& timer, Deadline deadline);
    // Fires what is due by the clock. The wheel calls it by itself; tests with a manual clock call it after a step.
    void advance();

private:
    static constexpr std::size_t k_slots = 1024;
    struct Head : Timer {};

    [[nodiscard]] std::uint64_t tick_of(Deadline deadline) const noexcept;
    void sleep_until_next();
    void disarmed() noexcept { --armed_; }

    friend class Timer;
    const Clock& clock_;
    Deadline start_;
    std::uint64_t current_ = 0;  // every tick up to this one has fired
    std::uint64_t wakes_at_ = UINT64_MAX;
    std::size_t armed_ = 0;
    bool advancing_ = false;
    std::array<Head, k_slots> slots_;
    boost::asio::steady_timer alarm_;
};

}  // namespace longshore::net

// Time that stands still until a test moves it. The wall clock can be set, too.
//
// Threads: safe from any thread.
#pragma once

#include "base/clock.hpp"

#include <atomic>
#include <chrono>

namespace longshore::testing {

class ManualClock final : public Clock {
public:
    // `start` of both clocks, since their epochs. Not 0 by default: a zero that slips through should show.
    explicit ManualClock(std::chrono::nanoseconds start = std::chrono::hours{1}) : since_epoch_(start.count()) {}

    [[nodiscard]] Deadline now() const noexcept override { return Deadline{since_epoch()}; }
    [[nodiscard]] WallTime wall() const noexcept override {
        const auto set = std::chrono::nanoseconds{set_by_.load()};
        return WallTime{std::chrono::duration_cast<WallTime::duration>(since_epoch() + set)};
    }
    void advance(std::chrono::nanoseconds by) noexcept { since_epoch_ += by.count(); }
    // As an operator or NTP does it: the wall clock alone jumps.
    void set_wall(std::chrono::nanoseconds by) noexcept { set_by_ += by.count(); }

private:
    [[nodiscard]] std::chrono::nanoseconds since_epoch() const noexcept {
        return std::chrono::nanoseconds{since_epoch_.load()};
    }
    std::atomic<std::int64_t> since_epoch_;
    std::atomic<std::int64_t> set_by_{0};  // the wall clock against the steady one; nanoseconds
};

}  // namespace longshore::testing

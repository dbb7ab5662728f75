// Time that stands still until a test moves it.
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
        return WallTime{std::chrono::duration_cast<WallTime::duration>(since_epoch())};
    }
    void advance(std::chrono::nanoseconds by) noexcept { since_epoch_ += by.count(); }

private:
    [[nodiscard]] std::chrono::nanoseconds since_epoch() const noexcept {
        return std::chrono::nanoseconds{since_epoch_.load()};
    }
    std::atomic<std::int64_t> since_epoch_;
};

}  // namespace longshore::testing

// A floor under the rate of a transfer: an account of waiting that moving bytes fill again.
//
// The peer may keep us waiting for `most` at a time. Each byte gives back its share of a second at the least rate, so a
// peer that is slower than that runs out, however it spaces its bytes; time in which nobody waits for it costs it
// nothing. At rate 0 any byte gives back everything.
#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace longshore::net {

class RateFloor {
public:
    RateFloor(std::uint64_t bytes_per_second, std::chrono::nanoseconds most)
        : bytes_per_second_(bytes_per_second), most_(most), left_(most) {}

    // Until when the peer may keep us waiting.
    [[nodiscard]] Deadline limit(Deadline now) const noexcept { return after(now, left_); }
    [[nodiscard]] bool spent() const noexcept { return left_ <= std::chrono::nanoseconds{0}; }
    void waited(std::chrono::nanoseconds time) noexcept {
        if (most_ != std::chrono::nanoseconds::max()) left_ = std::max(left_ - time, std::chrono::nanoseconds{0});
    }
    void moved(std::uint64_t bytes) noexcept {
        if (bytes == 0) return;
        // Enough for everything, also where the product below would not fit.
        const std::chrono::duration<double> missing = most_ - left_;
        if (static_cast<double>(bytes) >= missing.count() * static_cast<double>(bytes_per_second_)) {
            left_ = most_;
        } else {
            left_ += std::chrono::nanoseconds{bytes * 1'000'000'000U / bytes_per_second_};
        }
    }
    [[nodiscard]] bool is(std::uint64_t bytes_per_second, std::chrono::nanoseconds most) const noexcept {
        return bytes_per_second == bytes_per_second_ && most == most_;
    }

private:
    std::uint64_t bytes_per_second_;
    std::chrono::nanoseconds most_;
    std::chrono::nanoseconds left_;
};

}  // namespace longshore::net

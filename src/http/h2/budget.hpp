// What one peer may make us do: tokens that come back with time.
//
// A connection that spends a budget is told ENHANCE_YOUR_CALM and closed.
// Source: CVE-2023-44487 (resets), CVE-2019-9512, -9515 (PING, SETTINGS), -9518 (empty frames), CVE-2024-28182.
#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <chrono>

namespace longshore::http::h2 {

class Budget {
public:
    Budget(double burst, double per_second) : burst_(burst), per_second_(per_second), left_(burst) {}

    // False when it is spent.
    [[nodiscard]] bool spend(Deadline now) noexcept {
        if (last_ != Deadline{}) {
            const std::chrono::duration<double> passed = now - last_;
            left_ = std::min(burst_, left_ + passed.count() * per_second_);
        }
        last_ = now;
        left_ -= 1;
        return left_ >= 0;
    }

private:
    double burst_;
    double per_second_;
    double left_;
    Deadline last_{};
};

struct Budgets {
    Budget resets{200, 20};      // streams the peer resets
    Budget control{400, 100};    // PING, SETTINGS, PRIORITY, unknown frames
    Budget empty_data{200, 20};  // DATA frames that carry nothing and end nothing
    Budget errors{100, 10};      // streams we reset for what the peer sent
};

}  // namespace longshore::http::h2

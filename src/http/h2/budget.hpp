// What one peer may make us do: tokens that come back with time.
//
// A connection that spends a budget is told ENHANCE_YOUR_CALM and closed.
// Source: CVE-2023-44487 (resets), CVE-2019-9512, -9515 (PING, SETTINGS), -9518 (empty frames), CVE-2024-28182.
#pragma once

#include "base/clock.hpp"
#include "http/session.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace longshore::http::h2 {

// `amount` at once, or spread over k_window.
class Budget {
public:
    static constexpr std::chrono::duration<double> k_window{10};

    explicit Budget(std::uint32_t amount) : amount_(amount), left_(amount) {}

    // False when it is spent.
    [[nodiscard]] bool spend(Deadline now) noexcept {
        if (last_ != Deadline{}) {
            const std::chrono::duration<double> passed = now - last_;
            left_ = std::min(amount_, left_ + amount_ * (passed / k_window));
        }
        last_ = now;
        left_ -= 1;
        return left_ >= 0;
    }

private:
    double amount_;
    double left_;
    Deadline last_{};
};

struct Budgets {
    explicit Budgets(const Allowances& allowed)
        : resets(allowed.resets), control(allowed.control), empty_data(allowed.empty_data), errors(allowed.errors) {}
    Budget resets, control, empty_data, errors;
};

}  // namespace longshore::http::h2

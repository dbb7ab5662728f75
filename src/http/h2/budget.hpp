// What one peer may make us do: tokens that come back with time, or with what we do for the peer.
//
// A connection that spends a budget is told ENHANCE_YOUR_CALM and closed.
// Source: CVE-2023-44487 (resets), CVE-2025-8671 (errors), CVE-2019-9512, -9513, -9515 (PING, PRIORITY, SETTINGS),
//         -9518 (empty frames), -9511 (small DATA, WINDOW_UPDATE), CVE-2024-28182 (header blocks, by size).
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
        if (last_ != Deadline{} && left_ < amount_) {
            const std::chrono::duration<double> passed = now - last_;
            left_ = std::min(amount_, left_ + amount_ * (passed / k_window));
        }
        last_ = now;
        left_ -= 1;
        return left_ >= 0;
    }
    // Tokens for work of ours that makes an honest peer spend; they may pile up beyond the amount.
    void earn(double tokens) noexcept { left_ += tokens; }

private:
    double amount_;
    double left_;
    Deadline last_{};
};

struct Budgets {
    explicit Budgets(const Allowances& allowed)
        : resets(allowed.resets),
          errors(allowed.errors),
          control(allowed.control),
          window_updates(allowed.window_updates),
          empty_data(allowed.empty_data),
          small_data(allowed.small_data) {}
    Budget resets, errors, control, window_updates, empty_data, small_data;
};

inline constexpr double k_updates_per_data = 10;  // as Envoy: a peer may give back a frame in small coin
inline constexpr double k_updates_per_stream = 2;
inline constexpr std::size_t k_small_data = 64;  // bytes

}  // namespace longshore::http::h2

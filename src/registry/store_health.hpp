// Whether the disk takes what it is given, and one line in the log when that changes.
//
// After a failure the stores rest for a second; then the next to come tries again. The log says `store_failed` once,
// and `store_recovered` when something was stored again; a disk that fails and works in turns is reported once a
// minute.
//
// Threads: any.
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/metrics.hpp"

#include <atomic>
#include <mutex>

namespace longshore::registry {

class StoreHealth {
public:
    static constexpr std::chrono::seconds k_rest{1};
    static constexpr std::chrono::seconds k_between_reports{60};

    // `failing`, which outlives this, is 1 from a failure until something was stored.
    explicit StoreHealth(Gauge& failing) : failing_gauge_(failing) {}

    void failed(const Error& why, Deadline now);
    // Something in it can be neither read nor removed; nothing rests for that.
    void noticed(const Error& why, Deadline now);
    void worked();
    [[nodiscard]] bool rests(Deadline now) const noexcept {
        return failing_.load(std::memory_order_acquire) && now < again_.load(std::memory_order_relaxed);
    }

private:
    Gauge& failing_gauge_;
    std::atomic<bool> failing_{false};
    std::atomic<Deadline> again_{};  // something may be stored from then on
    std::mutex mutex_;               // for what follows
    bool reported_ = false;          // the log says that it fails
    Deadline next_report_{};
};

}  // namespace longshore::registry

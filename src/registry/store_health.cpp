#include "registry/store_health.hpp"

#include "base/log.hpp"

namespace longshore::registry {

void StoreHealth::failed(const Error& why, Deadline now) {
    again_.store(now + k_rest, std::memory_order_relaxed);
    noticed(why, now);
}

void StoreHealth::noticed(const Error& why, Deadline now) {
    const std::lock_guard guard{mutex_};
    failing_.store(true, std::memory_order_release);
    failing_gauge_.set(1);
    if (reported_ || now < next_report_) return;
    reported_ = true;
    next_report_ = now + k_between_reports;
    log(LogLevel::error, "store_failed", {{"why", to_string(why)}});
}

void StoreHealth::worked() {
    if (!failing_.load(std::memory_order_acquire)) return;
    const std::lock_guard guard{mutex_};
    failing_.store(false, std::memory_order_release);
    failing_gauge_.set(0);
    if (!std::exchange(reported_, false)) return;
    log(LogLevel::info, "store_recovered");
}

}  // namespace longshore::registry

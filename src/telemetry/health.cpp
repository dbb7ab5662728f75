#include "telemetry/health.hpp"

#include <boost/asio/post.hpp>

namespace longshore::telemetry {

std::vector<Readiness::Reason> Readiness::reasons() const {
    std::vector<Reason> reasons;
    if (draining_.load(std::memory_order_relaxed)) reasons.push_back({"draining", "the process is about to stop"});
    for (const auto& check : checks_) {
        if (const auto passed = check.passes(); !passed) reasons.push_back({check.name, to_string(passed.error())});
    }
    return reasons;
}

struct Pulse::Loop {
    boost::asio::io_context* context;
    Deadline asked{};
    // Shared with the ping, which may outlive the object in a stopped loop.
    std::shared_ptr<std::atomic<bool>> answered = std::make_shared<std::atomic<bool>>(true);
};

Pulse::Pulse(const Clock& clock, std::vector<boost::asio::io_context*> loops, std::chrono::milliseconds limit)
    : clock_(clock), limit_(limit) {
    for (auto* context : loops) loops_.push_back({context});
}

Pulse::~Pulse() = default;

Result<> Pulse::check() {
    const std::lock_guard lock{mutex_};
    const auto now = clock_.now();
    std::string stuck;
    for (std::size_t i = 0; i < loops_.size(); ++i) {
        auto& loop = loops_[i];
        if (loop.answered->load(std::memory_order_acquire)) {
            loop.asked = now;
            loop.answered->store(false, std::memory_order_relaxed);
            boost::asio::post(*loop.context,
                              [answered = loop.answered] { answered->store(true, std::memory_order_release); });
        } else if (now - loop.asked > limit_) {
            stuck.append(stuck.empty() ? "stuck: loop " : ", ").append(std::to_string(i));
        }
    }
    if (!stuck.empty()) return Error{Errc::timeout, std::move(stuck)};
    return {};
}

}  // namespace longshore::telemetry

// Is the process alive, and should traffic come to it?
//
// Ready: every named check passes and nobody asked to drain. Alive: every loop still runs what is posted to it.
// Neither costs anything while nobody asks.
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace longshore::telemetry {

struct Check {
    std::string name;                  // "data_dir"
    std::function<Result<>()> passes;  // quick, from any thread; the error's text is shown to operators
};

// Threads: any, once constructed.
class Readiness {
public:
    explicit Readiness(std::vector<Check> checks) : checks_(std::move(checks)) {}

    // Not ready from now on: the process is about to stop.
    void drain() noexcept { draining_.store(true, std::memory_order_relaxed); }

    struct Reason {
        std::string check;
        std::string text;
    };
    // Why not; empty: ready.
    [[nodiscard]] std::vector<Reason> reasons() const;

private:
    std::vector<Check> checks_;
    std::atomic<bool> draining_{false};
};

// Watches event loops: each `check` posts a ping to every loop that has answered the one before, and fails when a
// ping has waited for longer than `limit`. So a stuck loop shows at the first check that comes `limit` after
// another one.
//
// Ownership: contexts and clock outlive the object.
// Threads:   any.
// Errors:    timeout, naming the loop.
class Pulse {
public:
    Pulse(const Clock& clock, std::vector<boost::asio::io_context*> loops, std::chrono::milliseconds limit);
    ~Pulse();
    [[nodiscard]] Result<> check();

private:
    struct Loop;
    const Clock& clock_;
    std::chrono::milliseconds limit_;
    std::mutex mutex_;
    std::vector<Loop> loops_;
};

}  // namespace longshore::telemetry

// The sink of a running process: lines in batches, written to a descriptor by a thread of its own.
//
// Each thread formats into a buffer of its own; a full or aged buffer moves to a bounded queue that the writer
// thread empties. A line costs the caller its formatting and an uncontended lock. Lines of one thread keep their
// order; lines of different threads may be written up to `batch_age` apart. When the reader of the log is slow
// and the queue is full, new lines are dropped and counted, and the count is logged once the queue drains.
// error lines wake the writer at once; fatal lines also wait, for a second at most, until they are written. A
// process that dies by a signal loses what is younger than `batch_age`.
//
// Ownership: the descriptor stays the caller's. The destructor writes what is left, for `drain` at most.
// Threads:   any; destroy it after the last line (see InstalledLog).
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/log_format.hpp"
#include "base/metrics.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace longshore {

// What a reload may change.
struct LogStyle {
    LogFormat format = LogFormat::text;
    LogLevel threshold = LogLevel::info;
};

struct LogBounds {
    std::size_t batch_bytes = 64 * 1024;        // a thread's buffer moves on when it holds this
    std::size_t queue_bytes = 2 * 1024 * 1024;  // waiting to be written; beyond it lines are dropped
    std::chrono::milliseconds batch_age{200};   // a line waits no longer for company
    std::chrono::milliseconds drain{2000};      // what the destructor grants a slow reader
};

class LogWriter final : public LogSink, public Measured {
public:
    // `clock` stamps the lines and outlives the writer.
    LogWriter(int descriptor, const Clock& clock, LogStyle style, LogBounds bounds = {});
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;
    ~LogWriter() override;

    // Applies to lines from now on.
    void restyle(LogStyle style) noexcept;

    [[nodiscard]] bool wants(LogLevel level) const noexcept override;
    void write(const LogRecord& record) noexcept override;

    // Waits until every line logged before the call was written (or dropped); false when `at_most` passed first.
    bool flush(std::chrono::milliseconds at_most) noexcept;

    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.value(); }
    void measure(MetricWriter& into) const override;

private:
    struct ThreadBuffer;
    struct Slot;
    struct Batch {
        std::string text;
        std::uint64_t lines = 0;
    };

    ThreadBuffer& buffer_of_this_thread();
    bool has_room(ThreadBuffer& buffer);
    void hand_over(ThreadBuffer& buffer);
    void collect();
    void arm();
    void run();
    void wait_for_work(std::unique_lock<std::mutex>& lock);
    void write_queue(std::unique_lock<std::mutex>& lock);
    void emit(const Batch& batch);
    bool emit_bytes(std::string_view text);
    bool wait_writable();
    void report_drops();
    [[nodiscard]] bool given_up() const;

    const int descriptor_;
    const bool may_block_;  // a pipe, socket or terminal
    const Clock& clock_;
    const LogBounds bounds_;
    const std::uint64_t serial_;  // tells writers apart in thread-local slots, addresses may repeat
    std::atomic<LogFormat> format_;
    std::atomic<LogLevel> threshold_;
    Counter lines_;
    Counter dropped_;
    std::atomic<std::uint64_t> queued_bytes_{0};
    std::atomic<bool> armed_{false};  // some buffer is not empty and the writer knows
    std::uint64_t reported_drops_ = 0;

    // Order of locks: threads_mutex_, then one buffer, then mutex_.
    std::mutex threads_mutex_;
    std::vector<std::shared_ptr<ThreadBuffer>> threads_;

    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable written_;
    std::deque<Batch> queue_;
    std::vector<std::string> spare_;
    std::uint64_t queued_count_ = 0;
    std::uint64_t written_count_ = 0;
    std::optional<std::chrono::steady_clock::time_point> stop_by_;
    std::thread thread_;
};

}  // namespace longshore

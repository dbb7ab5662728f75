// What was logged, for tests: the process's sink while it lives, one text line per event without time.
//
//     testing::LogCapture logged;
//     ...
//     EXPECT_EQ(logged.lines(), "info listening role=mirror\n");
//
// Threads: any.
#pragma once

#include "base/log.hpp"
#include "base/log_format.hpp"

#include <mutex>
#include <string>

namespace longshore::testing {

class LogCapture final : public LogSink {
public:
    LogCapture() : installed_(*this) {}

    [[nodiscard]] bool wants(LogLevel) const noexcept override { return true; }
    void write(const LogRecord& record) noexcept override {
        std::string line;
        append_log_line(line, LogFormat::text, WallTime{}, record);
        const std::lock_guard lock{mutex_};
        lines_.append(line, line.find(' ') + 1);
    }

    [[nodiscard]] std::string lines() const {
        const std::lock_guard lock{mutex_};
        return lines_;
    }

private:
    mutable std::mutex mutex_;
    std::string lines_;
    InstalledLog installed_;
};

}  // namespace longshore::testing

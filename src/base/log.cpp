#include "base/log.hpp"

#include "base/log_format.hpp"

#include <unistd.h>

#include <atomic>

namespace longshore {
namespace {

// For what is said before main has installed a sink: small, direct, whole lines.
class DirectSink final : public LogSink {
public:
    [[nodiscard]] bool wants(LogLevel level) const noexcept override { return level >= LogLevel::info; }
    void write(const LogRecord& record) noexcept override {
        std::string line;
        append_log_line(line, LogFormat::text, SystemClock{}.wall(), record);
        [[maybe_unused]] const auto wrote = ::write(STDERR_FILENO, line.data(), line.size());
    }
};

constinit std::atomic<LogSink*> g_sink{nullptr};

LogSink& sink() noexcept {
    static DirectSink direct;
    auto* installed = g_sink.load(std::memory_order_acquire);
    return installed != nullptr ? *installed : direct;
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
    static constexpr std::array<std::string_view, 5> k_names{"debug", "info", "warning", "error", "fatal"};
    return k_names[static_cast<std::size_t>(level)];
}

void log(LogLevel level, std::string_view event, std::span<const LogField> fields) noexcept {
    auto& out = sink();
    if (out.wants(level)) out.write({level, event, fields});
}

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) noexcept {
    log(level, event, std::span{fields.begin(), fields.size()});
}

bool log_wanted(LogLevel level) noexcept { return sink().wants(level); }

InstalledLog::InstalledLog(LogSink& sink) noexcept : before_(g_sink.exchange(&sink, std::memory_order_acq_rel)) {}

InstalledLog::~InstalledLog() { g_sink.store(before_, std::memory_order_release); }

}  // namespace longshore

// Saying what happened: one structured line per event.
//
//     log(LogLevel::info, "listening", {{"address", address}, {"role", "mirror"}});
//
// An event and the field names are literals in lower_snake_case; values may come from anywhere, hostile peers
// included: sinks escape them so that no value can forge a line or a field. Tokens, cookies and query strings
// are never passed here. Logging never fails and never waits for whoever reads the log.
//
// Ownership: main installs the sink and uninstalls it after the threads that log have ended. Without one, lines
//            go to standard error as text.
// Threads:   any.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace longshore {

// fatal: the process is about to end.
enum class LogLevel : std::uint8_t { debug, info, warning, error, fatal };

[[nodiscard]] std::string_view to_string(LogLevel level) noexcept;

// A view: text must outlive the call of log().
class LogValue {
public:
    using Any = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

    LogValue(bool value) : any_(value) {}
    LogValue(std::signed_integral auto value) : any_(static_cast<std::int64_t>(value)) {}
    LogValue(std::unsigned_integral auto value) : any_(static_cast<std::uint64_t>(value)) {}
    LogValue(std::floating_point auto value) : any_(static_cast<double>(value)) {}
    LogValue(std::string_view value) : any_(value) {}
    LogValue(const std::string& value) : any_(std::string_view{value}) {}
    LogValue(const char* value) : any_(std::string_view{value}) {}

    [[nodiscard]] const Any& any() const noexcept { return any_; }

private:
    Any any_;
};

struct LogField {
    std::string_view name;
    LogValue value;
};

struct LogRecord {
    LogLevel level;
    std::string_view event;
    std::span<const LogField> fields;
};

class LogSink {
public:
    virtual ~LogSink() = default;
    [[nodiscard]] virtual bool wants(LogLevel level) const noexcept = 0;
    // `record` is valid during the call.
    virtual void write(const LogRecord& record) noexcept = 0;
};

void log(LogLevel level, std::string_view event, std::span<const LogField> fields) noexcept;
void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {}) noexcept;

// Whether a line of this level would be written: for callers whose fields are costly to make.
[[nodiscard]] bool log_wanted(LogLevel level) noexcept;

// Makes `sink` the process's sink while it lives, then gives the place back to the one before.
class InstalledLog {
public:
    explicit InstalledLog(LogSink& sink) noexcept;
    InstalledLog(const InstalledLog&) = delete;
    InstalledLog& operator=(const InstalledLog&) = delete;
    ~InstalledLog();

private:
    LogSink* before_;
};

}  // namespace longshore

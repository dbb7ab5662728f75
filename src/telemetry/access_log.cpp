#include "telemetry/access_log.hpp"

#include "base/log.hpp"
#include "telemetry/metrics.hpp"

#include <algorithm>
#include <charconv>

namespace longshore::telemetry {
namespace {

constexpr std::array<std::string_view, 4> k_version_labels{"1.0", "1.1", "2", "3"};
constexpr std::array<std::string_view, 4> k_protocols{"HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"};
constexpr std::array<std::string_view, 6> k_status_labels{"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
constexpr std::size_t k_notes_limit = 16;

std::size_t class_of(http::Status status) { return status < 100 || status > 599 ? 0 : status / 100U; }

double seconds(std::chrono::nanoseconds span) { return std::chrono::duration<double>{span}.count(); }

// Milliseconds with three digits.
double milliseconds(std::chrono::nanoseconds span) {
    return static_cast<double>(std::chrono::round<std::chrono::microseconds>(span).count()) / 1000;
}

// Request ids are 64 bits: as a JSON number some readers would round them.
class HexId {
public:
    explicit HexId(std::uint64_t id) {
        digits_.fill('0');
        std::array<char, 16> bare;
        const auto end = std::to_chars(bare.data(), bare.data() + bare.size(), id, 16).ptr;
        std::copy_backward(bare.data(), end, digits_.data() + digits_.size());
    }
    [[nodiscard]] std::string_view text() const { return {digits_.data(), digits_.size()}; }

private:
    std::array<char, 16> digits_;
};

std::string_view to_string(http::Ending ending) {
    return ending == http::Ending::client_left ? "client_left" : ending == http::Ending::cut ? "cut" : "complete";
}

class Line {
public:
    void add(std::string_view name, LogValue value) {
        if (size_ < fields_.size()) fields_[size_++] = {name, value};
    }
    void add_unless_empty(std::string_view name, std::string_view value) {
        if (!value.empty()) add(name, value);
    }
    void add(const http::Note& note) {
        std::visit([&](const auto& value) { add(note.name, LogValue{value}); }, note.value);
    }
    [[nodiscard]] std::span<const LogField> fields() const { return std::span{fields_}.first(size_); }

private:
    static constexpr std::size_t k_own_fields = 16;
    template <std::size_t... I>
    static std::array<LogField, sizeof...(I)> blank(std::index_sequence<I...>) {
        return {{((void)I, LogField{{}, 0})...}};
    }
    std::array<LogField, k_own_fields + k_notes_limit> fields_ =
        blank(std::make_index_sequence<k_own_fields + k_notes_limit>{});
    std::size_t size_ = 0;
};

}  // namespace

AccessLog::AccessLog(std::string listener) : listener_(std::move(listener)) {}

void AccessLog::ended(const http::Exchange& exchange) noexcept {
    count(exchange);
    if (lines_.load(std::memory_order_relaxed) && log_wanted(LogLevel::info)) write(exchange);
}

void AccessLog::count(const http::Exchange& exchange) noexcept {
    requests_[static_cast<std::size_t>(exchange.version)][class_of(exchange.status)].add();
    if (exchange.ending == http::Ending::client_left) left_.add();
    if (exchange.ending == http::Ending::cut) cut_.add();
    received_.add(exchange.bytes_in);
    sent_.add(exchange.bytes_out);
    duration_.observe(seconds(exchange.duration));
    if (exchange.to_first_byte) first_byte_.observe(seconds(*exchange.to_first_byte));
}

void AccessLog::write(const http::Exchange& exchange) const noexcept {
    const HexId id{exchange.request_id};
    Line line;
    line.add("listener", listener_);
    line.add("method", exchange.method);
    line.add("host", exchange.authority);
    // No caller passes a query; should one slip through, it ends here.
    line.add("path", exchange.path.substr(0, exchange.path.find('?')));
    line.add("status", exchange.status);
    line.add("bytes_in", exchange.bytes_in);
    line.add("bytes_out", exchange.bytes_out);
    line.add("ms", milliseconds(exchange.duration));
    if (exchange.to_first_byte) line.add("ttfb_ms", milliseconds(*exchange.to_first_byte));
    line.add("proto", k_protocols[static_cast<std::size_t>(exchange.version)]);
    line.add("peer", exchange.peer);
    line.add_unless_empty("client", exchange.client_id);
    line.add("request_id", id.text());
    line.add_unless_empty("agent", exchange.user_agent);
    if (exchange.ending != http::Ending::complete) line.add("ending", to_string(exchange.ending));
    if (exchange.cause) line.add("cause", longshore::to_string(*exchange.cause));
    for (const auto& note : exchange.notes) line.add(note);
    log(LogLevel::info, "request", line.fields());
}

void AccessLog::measure(MetricWriter& into) const {
    const Label listener{"listener", listener_};
    for (std::size_t version = 0; version < k_versions; ++version) {
        for (std::size_t status = 0; status < k_status_classes; ++status) {
            const auto& counter = requests_[version][status];
            if (counter.value() == 0) continue;  // most of the grid never happens
            into.counter(k_requests, counter,
                         {listener, {"version", k_version_labels[version]}, {"status", k_status_labels[status]}});
        }
    }
    into.counter(k_unfinished, left_, {listener, {"ending", to_string(http::Ending::client_left)}});
    into.counter(k_unfinished, cut_, {listener, {"ending", to_string(http::Ending::cut)}});
    into.counter(k_received, received_, {listener});
    into.counter(k_sent, sent_, {listener});
    into.histogram(k_duration, duration_, {listener});
    into.histogram(k_first_byte, first_byte_, {listener});
}

}  // namespace longshore::telemetry

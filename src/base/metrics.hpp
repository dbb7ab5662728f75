// Numbers about ourselves: what the request path counts and what the exporter reads.
//
// A module lists its series (constants of type Series) in its `metrics.hpp`, counts in Counter, Gauge and
// Histogram members of its own objects, and tells them through `Measured`. The exporter is given its list of
// Measured by app; there is no registry. Objects of the same kind, one per loop, may tell the same series with
// the same labels: the exporter adds them up, so that loops need not share a cache line.
//
// Names: longshore_<module>_<what>_<unit>, base units (seconds, bytes), counters end in _total. Label values
// come from small fixed sets, never from requests.
// Threads: counting and reading are relaxed atomics, safe from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace longshore {

inline constexpr std::size_t k_cache_line = 64;  // bytes

class alignas(k_cache_line) Counter {
public:
    void add(std::uint64_t count = 1) noexcept { value_.fetch_add(count, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

class alignas(k_cache_line) Gauge {
public:
    void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
    // The new value.
    std::int64_t add(std::int64_t by = 1) noexcept { return value_.fetch_add(by, std::memory_order_relaxed) + by; }
    void subtract(std::int64_t by = 1) noexcept { value_.fetch_sub(by, std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::int64_t> value_{0};
};

// Counts per bucket and a sum, as they stood at one moment (give or take observations in flight).
struct HistogramReading {
    static constexpr std::size_t k_most_bounds = 20;
    std::span<const double> bounds;                         // upper, inclusive, ascending
    std::array<std::uint64_t, k_most_bounds + 1> counts{};  // per bucket, not cumulative; the last is +Inf
    double sum = 0;
};

class alignas(k_cache_line) Histogram {
public:
    // `bounds` is static storage: ascending, at most HistogramReading::k_most_bounds.
    explicit Histogram(std::span<const double> bounds) noexcept;
    void observe(double value) noexcept;
    [[nodiscard]] HistogramReading read() const noexcept;

private:
    std::span<const double> bounds_;
    std::atomic<double> sum_{0};
    std::array<std::atomic<std::uint64_t>, HistogramReading::k_most_bounds + 1> counts_{};
};

// Request durations in seconds, from a warm answer out of memory to a long transfer.
inline constexpr std::array<double, 14> k_duration_bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                          0.025,  0.1,     0.25,   1,     5,      30,    120};

struct Series {
    std::string_view name;
    std::string_view help;  // one sentence
    std::string_view unit;  // "bytes", "seconds", "requests", ...; for the reference pages
};

struct Label {
    std::string_view name;
    std::string_view value;
};
using Labels = std::span<const Label>;

// Where measurements go. Series, labels and readings are valid during the call.
class MetricWriter {
public:
    virtual ~MetricWriter() = default;
    virtual void counter(const Series& series, Labels labels, double value) = 0;
    virtual void gauge(const Series& series, Labels labels, double value) = 0;
    virtual void histogram(const Series& series, Labels labels, const HistogramReading& reading) = 0;

    void counter(const Series& series, const Counter& counter, std::initializer_list<Label> labels = {});
    void gauge(const Series& series, const Gauge& gauge, std::initializer_list<Label> labels = {});
    void histogram(const Series& series, const Histogram& histogram, std::initializer_list<Label> labels = {});
};

// Something with measurements. `measure` may be called from any thread and must not wait.
class Measured {
public:
    virtual ~Measured() = default;
    virtual void measure(MetricWriter& into) const = 0;
};

}  // namespace longshore

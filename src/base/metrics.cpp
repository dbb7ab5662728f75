#include "base/metrics.hpp"

#include <cassert>

namespace longshore {

Histogram::Histogram(std::span<const double> bounds) noexcept : bounds_(bounds) {
    assert(bounds.size() <= HistogramReading::k_most_bounds);
}

void Histogram::observe(double value) noexcept {
    std::size_t bucket = 0;
    while (bucket < bounds_.size() && value > bounds_[bucket]) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
}

HistogramReading Histogram::read() const noexcept {
    HistogramReading reading{.bounds = bounds_, .sum = sum_.load(std::memory_order_relaxed)};
    for (std::size_t i = 0; i <= bounds_.size(); ++i) reading.counts[i] = counts_[i].load(std::memory_order_relaxed);
    return reading;
}

void MetricWriter::counter(const Series& series, const Counter& counter, std::initializer_list<Label> labels) {
    this->counter(series, Labels{labels.begin(), labels.size()}, static_cast<double>(counter.value()));
}

void MetricWriter::gauge(const Series& series, const Gauge& gauge, std::initializer_list<Label> labels) {
    this->gauge(series, Labels{labels.begin(), labels.size()}, static_cast<double>(gauge.value()));
}

void MetricWriter::histogram(const Series& series, const Histogram& histogram, std::initializer_list<Label> labels) {
    this->histogram(series, Labels{labels.begin(), labels.size()}, histogram.read());
}

}  // namespace longshore

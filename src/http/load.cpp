#include "http/load.hpp"

#include "http/metrics.hpp"

namespace longshore::http {

void Load::set(Limits limits) noexcept {
    most_connections_.store(limits.connections, std::memory_order_relaxed);
    most_requests_.store(limits.requests, std::memory_order_relaxed);
}

bool Load::take(Gauge& taken, const std::atomic<std::size_t>& limit) noexcept {
    if (static_cast<std::size_t>(taken.add()) <= limit.load(std::memory_order_relaxed)) return true;
    taken.subtract();
    return false;
}

std::optional<Load::Place> Load::connection() noexcept {
    if (pressure() >= Pressure::connections || !take(connections_, most_connections_)) return std::nullopt;
    return Place{connections_};
}

std::optional<Load::Place> Load::request() noexcept {
    const bool short_of_memory = pressure() >= Pressure::requests;
    if (!short_of_memory && take(requests_, most_requests_)) return Place{requests_};
    shed_[short_of_memory ? 1 : 0].add();
    return std::nullopt;
}

void Load::measure(MetricWriter& into) const {
    into.gauge(k_connections, connections_);
    into.gauge(k_connections_limit, Labels{}, static_cast<double>(most_connections_.load(std::memory_order_relaxed)));
    into.gauge(k_requests_under_way, requests_);
    into.gauge(k_requests_limit, Labels{}, static_cast<double>(most_requests_.load(std::memory_order_relaxed)));
    into.gauge(k_pressure, Labels{}, static_cast<double>(pressure()));
    into.counter(k_shed, shed_[0], {{"why", "limit"}});
    into.counter(k_shed, shed_[1], {{"why", "memory"}});
    into.counter(k_accept_pauses, pauses_[0], {{"why", "limit"}});
    into.counter(k_accept_pauses, pauses_[1], {{"why", "memory"}});
    into.counter(k_accept_pauses, pauses_[2], {{"why", "descriptors"}});
}

}  // namespace longshore::http

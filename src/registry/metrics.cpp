#include "registry/metrics.hpp"

namespace longshore::registry {

Metrics::Metrics(std::vector<std::string> upstreams) {
    upstreams.emplace_back("other");
    for (auto& name : upstreams) {
        entries_.push_back(std::make_unique<Entry>());
        entries_.back()->name = std::move(name);
    }
}

UpstreamCounters& Metrics::of(const Upstream& upstream) noexcept {
    for (const auto& entry : entries_) {
        if (entry->name == upstream.name) return entry->counters;
    }
    return entries_.back()->counters;
}

void Metrics::measure(MetricWriter& into) const {
    for (const auto& entry : entries_) {
        const Label upstream{"upstream", entry->name};
        const Label manifest{"kind", "manifest"};
        const Label blob{"kind", "blob"};
        const auto& counters = entry->counters;
        into.counter(k_hits, counters.manifest_hits, {upstream, manifest});
        into.counter(k_hits, counters.blob_hits, {upstream, blob});
        into.counter(k_misses, counters.manifest_misses, {upstream, manifest});
        into.counter(k_misses, counters.blob_misses, {upstream, blob});
        into.counter(k_stale, counters.manifest_stale, {upstream});
        into.counter(k_served, counters.served, {upstream});
        into.counter(k_fetched, counters.fetched, {upstream});
        into.counter(k_upstream_requests, counters.requests, {upstream});
        into.counter(k_upstream_failures, counters.failures, {upstream});
        into.counter(k_upstream_shed, counters.shed, {upstream});
        into.counter(k_refused_redirects, counters.refused_redirects, {upstream});
    }
    into.counter(k_corrupt, corrupt);
    into.counter(k_loops, loops);
    into.counter(k_unstored, unstored);
    into.gauge(k_store_failing, store_failing);
    into.gauge(k_fills, fills);
}

}  // namespace longshore::registry

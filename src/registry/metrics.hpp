// Every series of this module, and the counters behind them.
//
// Threads: any; one object for the process.
#pragma once

#include "base/metrics.hpp"
#include "registry/upstreams.hpp"

#include <memory>
#include <string>
#include <vector>

namespace longshore::registry {

// Labels: upstream (its name), kind (manifest, blob).
inline constexpr Series k_hits{"longshore_registry_hits_total",
                               "Requests answered from the cache, without a byte of content from upstream.",
                               "requests"};
inline constexpr Series k_misses{"longshore_registry_misses_total",
                                 "Requests whose content came from upstream, those that joined a fetch included.",
                                 "requests"};
inline constexpr Series k_stale{"longshore_registry_stale_total",
                                "Tags answered from the cache because upstream could not be asked.", "requests"};
// Labels: upstream.
inline constexpr Series k_served{"longshore_registry_served_bytes_total",
                                 "Bytes of manifests and blobs that answers were begun for.", "bytes"};
inline constexpr Series k_fetched{"longshore_registry_fetched_bytes_total",
                                  "Bytes of manifests and blobs that came from upstream.", "bytes"};
inline constexpr Series k_upstream_requests{"longshore_registry_upstream_requests_total",
                                            "Requests sent to upstream, redirects and token requests included.",
                                            "requests"};
inline constexpr Series k_upstream_failures{"longshore_registry_upstream_failures_total",
                                            "Requests to upstream that failed or were answered by 429 or 5xx.",
                                            "requests"};
inline constexpr Series k_upstream_shed{"longshore_registry_upstream_shed_total",
                                        "Requests not sent to upstream because memory was short.", "requests"};
inline constexpr Series k_refused_redirects{
    "longshore_registry_redirects_refused_total",
    "Redirects and token servers of public upstreams that led to addresses which are not public.", "requests"};
// No labels.
inline constexpr Series k_loops{"longshore_registry_loops_total",
                                "Requests refused because they had passed this mirror before.", "requests"};
inline constexpr Series k_corrupt{"longshore_registry_blobs_corrupt_total",
                                  "Cached blobs found not to match their digest, and dropped.", "blobs"};
inline constexpr Series k_unstored{"longshore_registry_unstored_total",
                                   "Blobs passed on to a client without being stored, because the disk failed.",
                                   "answers"};
inline constexpr Series k_store_failing{"longshore_registry_store_failing",
                                        "1 when the disk did not take the last thing it was given.", "disks"};
inline constexpr Series k_fills{"longshore_registry_fills", "Blobs being fetched now.", "blobs"};

struct UpstreamCounters {
    Counter manifest_hits, manifest_misses, manifest_stale;
    Counter blob_hits, blob_misses;
    Counter served, fetched, requests, failures, shed, refused_redirects;
};

class Metrics final : public Measured {
public:
    // One set of counters for each name; unknown names share the last.
    explicit Metrics(std::vector<std::string> upstreams);
    [[nodiscard]] UpstreamCounters& of(const Upstream& upstream) noexcept;
    void measure(MetricWriter& into) const override;

    Counter corrupt, unstored, loops;
    Gauge fills, store_failing;

private:
    struct Entry {
        std::string name;
        UpstreamCounters counters;
    };
    std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace longshore::registry

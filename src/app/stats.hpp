// What `longshore mirror stats` shows, read off the process's own metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace longshore::app {

struct UpstreamStats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t served_bytes = 0;
    std::uint64_t fetched_bytes = 0;
    std::uint64_t upstream_requests = 0;
};

struct MirrorStats {
    std::map<std::string, UpstreamStats> upstreams;  // those that were used

    // Prometheus text; lines that are not about the mirror are passed over.
    [[nodiscard]] static MirrorStats parse(std::string_view metrics);
    [[nodiscard]] std::string table() const;
    [[nodiscard]] std::string json() const;
};

}  // namespace longshore::app

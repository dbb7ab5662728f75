// Every series of this module, and the counters of what its limits have ended (load.hpp counts what was taken on).
//
// Threads: any; one object per loop, so that loops share no counters (the exporter adds them up).
#pragma once

#include "base/metrics.hpp"

#include <array>
#include <cstdint>

namespace longshore::http {

inline constexpr Series k_connections{"longshore_http_connections", "Connections being served.", "connections"};
inline constexpr Series k_connections_limit{"longshore_http_connections_limit",
                                            "Most connections that are served at once.", "connections"};
inline constexpr Series k_requests_under_way{"longshore_http_requests", "Requests being answered.", "requests"};
inline constexpr Series k_requests_limit{"longshore_http_requests_limit", "Most requests that are answered at once.",
                                         "requests"};
inline constexpr Series k_pressure{"longshore_http_memory_pressure",
                                   "0: enough memory; 1: nothing new is fetched; 2: no new requests; 3: no new "
                                   "connections.",
                                   "level"};
// Labels: why (limit, memory).
inline constexpr Series k_shed{"longshore_http_shed_total", "Requests answered 503 at their head.", "requests"};
// Labels: why (limit, memory, descriptors).
inline constexpr Series k_accept_pauses{"longshore_http_accept_pauses_total",
                                        "Pauses in accepting, of some milliseconds each.", "pauses"};
// Label: why.
inline constexpr Series k_cut{"longshore_http_cut_total", "Connections and streams that a limit ended.", "cuts"};

// The limit that was met. Names of labels stand in metrics.cpp.
enum class Cut : std::uint8_t {
    header_time,  // a head, or a header block, did not end in time
    body_time,    // a body, in either direction, rested too long or moved too slowly
    header_size,  // HTTP/2: a header block beyond what is worth decoding
    resets,       // HTTP/2 budgets (h2/budget.hpp) from here on
    errors,
    control,
    window_updates,
    empty_data,
    small_data,
    queued,  // HTTP/2: too much to say to a peer that does not read
};
inline constexpr std::size_t k_cuts = static_cast<std::size_t>(Cut::queued) + 1;

class Metrics final : public Measured {
public:
    void cut(Cut why) noexcept { cuts_[static_cast<std::size_t>(why)].add(); }
    [[nodiscard]] std::uint64_t cuts(Cut why) const noexcept { return cuts_[static_cast<std::size_t>(why)].value(); }
    void measure(MetricWriter& into) const override;

private:
    std::array<Counter, k_cuts> cuts_;
};

}  // namespace longshore::http

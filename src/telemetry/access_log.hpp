// One log line and a few counts for every exchange.
//
//     ... info request listener=mirror method=GET host=127.0.0.1:5000 path=/v2/library/alpine/manifests/3 status=200
//         bytes_in=0 bytes_out=528 ms=0.214 ttfb_ms=0.201 proto=HTTP/1.1 peer=192.0.2.1:4711
//         request_id=00000000000004d2 agent=docker/27.0 cache=hit
//
// Names are stable. `client` stands on requests with a client certificate: the first digits of its SHA-256. The
// handler's notes follow the fixed fields; `ending` and `cause` stand only on exchanges that were not complete. Never
// logged: query strings, cookies, credentials.
//
// Ownership: outlives the connections that use it.
// Threads:   any; make one per loop so that loops do not share counters (the exporter adds them up).
#pragma once

#include "base/metrics.hpp"
#include "http/exchange_log.hpp"

#include <array>
#include <atomic>
#include <string>

namespace longshore::telemetry {

class AccessLog final : public http::ExchangeLog, public Measured {
public:
    // The listener's name: a field of each line and a label of each series.
    explicit AccessLog(std::string listener);

    void ended(const http::Exchange& exchange) noexcept override;
    // Whether lines are written; counting goes on in any case.
    void write_lines(bool wanted) noexcept { lines_.store(wanted, std::memory_order_relaxed); }
    void measure(MetricWriter& into) const override;

private:
    static constexpr std::size_t k_versions = 4;
    static constexpr std::size_t k_status_classes = 6;  // none, 1xx to 5xx

    void count(const http::Exchange& exchange) noexcept;
    void write(const http::Exchange& exchange) const noexcept;

    std::string listener_;
    std::atomic<bool> lines_{true};
    std::array<std::array<Counter, k_status_classes>, k_versions> requests_;
    Counter left_;
    Counter cut_;
    Counter received_;
    Counter sent_;
    Histogram duration_{k_duration_bounds};
    Histogram first_byte_{k_duration_bounds};
};

}  // namespace longshore::telemetry

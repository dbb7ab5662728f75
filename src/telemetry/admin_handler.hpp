// The operator's HTTP surface: /metrics, /ready, /healthcheck and an index of them.
//
// Answers only requests whose Host is an IP literal, `localhost` or a configured name, others get 421: a page in
// somebody's browser whose name was rebound to this address learns nothing. A request without Host (HTTP/1.0
// probes) is answered, browsers always send one.
//
// Ownership: everything passed in outlives the handler.
// Threads:   any loop.
#pragma once

#include "base/metrics.hpp"
#include "http/message.hpp"
#include "telemetry/health.hpp"

#include <string>
#include <vector>

namespace longshore::telemetry {

class AdminHandler final : public http::Handler {
public:
    struct Parts {
        const Readiness& readiness;
        Pulse& pulse;
        std::vector<const Measured*> measured;
        std::vector<std::string> names;  // hosts to answer for besides IP literals and localhost; any case
    };
    explicit AdminHandler(Parts parts);

    [[nodiscard]] Task<http::Response> handle(http::Request request) override;

    // Whether a request for this host (as in Authority::host) is answered.
    [[nodiscard]] bool answers_for(std::string_view host) const;

private:
    [[nodiscard]] http::Response answer(const http::Request& request);
    [[nodiscard]] http::Response metrics() const;
    [[nodiscard]] http::Response ready() const;
    [[nodiscard]] http::Response healthcheck();

    Parts parts_;
};

}  // namespace longshore::telemetry

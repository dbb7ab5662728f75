// Every series of this module.
#pragma once

#include "base/metrics.hpp"

namespace longshore::tls {

// Labels: outcome (ok, failed, timed_out, left: the client went first).
inline constexpr Series k_handshakes{"longshore_tls_handshakes_total",
                                     "Handshakes with clients that have ended, those shed not among them.",
                                     "handshakes"};
// Labels: reason (places: too many under way; rate: too many begin; address: one address has its share; oldest: given
// up for a newer one).
inline constexpr Series k_shed{"longshore_tls_handshakes_shed_total",
                               "Connections that were closed because of the limits of handshakes.", "connections"};
inline constexpr Series k_under_way{"longshore_tls_handshakes_under_way",
                                    "Connections accepted whose handshake has not ended.", "handshakes"};
inline constexpr Series k_handshake_duration{"longshore_tls_handshake_duration_seconds",
                                             "Time from the client's first byte to the end of a good handshake.",
                                             "seconds"};
// Labels: version (1.2, 1.3), resumed (no, yes).
inline constexpr Series k_connections{"longshore_tls_connections_total", "Connections whose handshake was good.",
                                      "connections"};

}  // namespace longshore::tls

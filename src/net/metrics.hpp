// Every series of this module.
#pragma once

#include "base/metrics.hpp"

namespace longshore::net {

// Label: outcome (found, not_found, failed).
inline constexpr Series k_lookups{"longshore_net_lookups_total", "Look-ups of names that ended.", "lookups"};
// No labels.
inline constexpr Series k_lookups_running{"longshore_net_lookups_running", "Look-ups waiting or under way.", "lookups"};
inline constexpr Series k_lookups_refused{"longshore_net_lookups_refused_total",
                                          "Look-ups refused because too many were waiting.", "lookups"};
inline constexpr Series k_stale_names{"longshore_net_stale_names_total",
                                      "Names answered by addresses found earlier, because the resolver did not answer.",
                                      "answers"};

}  // namespace longshore::net

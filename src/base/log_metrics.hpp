// Every series of the log.
#pragma once

#include "base/metrics.hpp"

namespace longshore {

inline constexpr Series k_log_lines{"longshore_base_log_lines_total", "Log lines accepted for writing.", "lines"};
inline constexpr Series k_log_dropped{"longshore_base_log_dropped_lines_total",
                                      "Log lines lost because the reader of the log was too slow or gone.", "lines"};

}  // namespace longshore

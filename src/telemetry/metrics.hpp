// Every series of this module.
//
// The process_* names are the ones that every Prometheus client library uses, so that common dashboards work;
// all others follow the project's form.
#pragma once

#include "base/metrics.hpp"

namespace longshore::telemetry {

// Labels: listener (its configured name), version (1.0, 1.1, 2, 3), status (1xx to 5xx, none).
inline constexpr Series k_requests{"longshore_telemetry_requests_total", "Exchanges that have ended.", "requests"};
// Labels: listener, ending (client_left, cut).
inline constexpr Series k_unfinished{"longshore_telemetry_unfinished_requests_total",
                                     "Exchanges that ended before the whole response was sent.", "requests"};
// Labels: listener.
inline constexpr Series k_received{"longshore_telemetry_received_bytes_total", "Bytes of request bodies.", "bytes"};
inline constexpr Series k_sent{"longshore_telemetry_sent_bytes_total", "Bytes of response bodies.", "bytes"};
inline constexpr Series k_duration{"longshore_telemetry_request_duration_seconds",
                                   "Time from the first request byte to the end of the exchange.", "seconds"};
inline constexpr Series k_first_byte{"longshore_telemetry_first_byte_seconds",
                                     "Time from the first request byte to the response head.", "seconds"};

// Labels: version.
inline constexpr Series k_build{"longshore_telemetry_build_info", "1, labelled with the program's version.", "info"};

inline constexpr Series k_memory_used{"longshore_telemetry_memory_used_bytes",
                                      "Memory that counts against the limit that is nearest.", "bytes"};
inline constexpr Series k_memory_limit{"longshore_telemetry_memory_limit_bytes",
                                       "The limit of memory that is nearest: memory_max, or the control group's.",
                                       "bytes"};

inline constexpr Series k_resident{"process_resident_memory_bytes", "Memory of the process in RAM.", "bytes"};
inline constexpr Series k_cpu{"process_cpu_seconds_total", "CPU time used, user and system.", "seconds"};
inline constexpr Series k_open_fds{"process_open_fds", "Open file descriptors.", "descriptors"};
inline constexpr Series k_max_fds{"process_max_fds", "Limit of open file descriptors.", "descriptors"};
inline constexpr Series k_threads{"process_threads", "Threads of the process.", "threads"};
inline constexpr Series k_start_time{"process_start_time_seconds", "Start of the process since the Unix epoch.",
                                     "seconds"};

}  // namespace longshore::telemetry

#include "http/metrics.hpp"

#include <string_view>

namespace longshore::http {
namespace {

constexpr std::array<std::string_view, k_cuts> k_names{"header_time", "body_time", "header_size",    "resets",
                                                       "errors",      "control",   "window_updates", "empty_data",
                                                       "small_data",  "queued"};

}  // namespace

void Metrics::measure(MetricWriter& into) const {
    for (std::size_t why = 0; why < k_cuts; ++why) into.counter(k_cut, cuts_[why], {{"why", k_names[why]}});
}

}  // namespace longshore::http

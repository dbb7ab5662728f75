// Measurements as Prometheus text exposition 0.0.4.
//
// Samples are grouped by series in the order of their first appearance, whatever the order of measuring. The
// same series with the same labels told twice is added up: objects that exist once per loop need not know of
// each other.
// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include "base/metrics.hpp"

#include <span>
#include <string>
#include <string_view>

namespace longshore::telemetry {

inline constexpr std::string_view k_prometheus_type = "text/plain; version=0.0.4; charset=utf-8";

[[nodiscard]] std::string prometheus_text(std::span<const Measured* const> measured);

}  // namespace longshore::telemetry

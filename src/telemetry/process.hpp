// What the kernel knows about this process, and which build it is.
//
// Read on demand from /proc, which never waits for a disk; what cannot be read is left out.
//
// Ownership: `files` outlives the object.
// Threads:   any.
#pragma once

#include "base/files.hpp"
#include "base/metrics.hpp"

namespace longshore::telemetry {

class Process final : public Measured {
public:
    explicit Process(Files& files) : files_(files) {}
    void measure(MetricWriter& into) const override;

private:
    void measure_stat(MetricWriter& into) const;
    void measure_descriptors(MetricWriter& into) const;

    Files& files_;
};

}  // namespace longshore::telemetry

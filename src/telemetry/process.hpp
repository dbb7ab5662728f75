// What the kernel knows about this process, and which build it is.
//
// Read on demand from /proc, which never waits for a disk; what cannot be read is left out.
//
// Ownership: `files` outlives the object.
// Threads:   any.
#pragma once

#include "base/files.hpp"
#include "base/metrics.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace longshore::telemetry {

// Parts of /proc/self/stat. Source: proc(5).
struct ProcessStat {
    std::uint64_t threads = 0;
    std::uint64_t start_ticks = 0;  // since boot
    std::uint64_t resident_pages = 0;

    [[nodiscard]] static std::optional<ProcessStat> parse(std::string_view text);
};

class Process final : public Measured {
public:
    explicit Process(Files& files);
    void measure(MetricWriter& into) const override;

private:
    [[nodiscard]] std::optional<ProcessStat> stat() const;

    Files& files_;
    std::optional<double> started_;  // seconds since the Unix epoch
};

}  // namespace longshore::telemetry

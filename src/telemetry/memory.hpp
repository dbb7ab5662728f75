// How much memory the process uses of what it may, and what is given up when it runs short.
//
// Two limits are looked at: one that the operator set, against the memory that is the process's own (RSS without
// files), and that of the control group, against what the kernel cannot take back from the group (usage without the
// page cache). The fuller one decides: from 80 % on nothing new is fetched, from 90 % no request is taken, from 95 %
// no connection.
//
// Ownership: everything passed in outlives the objects.
// Threads:   MemoryWatch: constructed, run and destroyed on its loop; MemoryUse::measure from any.
// Source:    cgroups(7), proc(5); kernel documentation of cgroup-v1/memory and cgroup-v2.
#pragma once

#include "base/files.hpp"
#include "base/metrics.hpp"
#include "http/load.hpp"
#include "net/loop.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace longshore::telemetry {

// The memory controller's directory of the process's control group, either version.
struct MemoryGroup {
    std::string directory;
    bool version2 = false;

    // From the text of /proc/self/cgroup; nothing without a memory controller.
    [[nodiscard]] static std::optional<MemoryGroup> parse(std::string_view text);
};

struct MemoryReading {
    std::uint64_t used = 0;   // bytes
    std::uint64_t limit = 0;  // bytes
    [[nodiscard]] double share() const noexcept { return static_cast<double>(used) / static_cast<double>(limit); }
};

class MemoryUse final : public Measured {
public:
    MemoryUse(Files& files, std::uint64_t limit);  // `limit` in bytes; 0: only the control group's

    // The fuller of the limits there are; nothing when there is none. Reads small files that wait for no disk.
    [[nodiscard]] std::optional<MemoryReading> read() const;
    void measure(MetricWriter& into) const override;

private:
    [[nodiscard]] std::optional<MemoryReading> own() const;
    [[nodiscard]] std::optional<MemoryReading> group() const;

    Files& files_;
    std::uint64_t limit_;
    std::optional<MemoryGroup> group_;
};

[[nodiscard]] http::Pressure pressure_of(const std::optional<MemoryReading>& reading) noexcept;

// Tells the load how short memory is: ten times a second, a hundred times when half of it is used. While it is short,
// `relieve` is called once a second.
class MemoryWatch final : private net::Timer {
public:
    struct Parts {
        const MemoryUse& use;
        http::Load& load;
        std::function<void()> relieve;
    };
    MemoryWatch(net::Loop& loop, Parts parts);

private:
    void fire() noexcept override;

    net::Loop& loop_;
    Parts parts_;
    Deadline relieve_again_{};
};

}  // namespace longshore::telemetry

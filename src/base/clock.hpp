// Time as a dependency, so that tests can drive it.
//
// Intervals and deadlines use the steady clock only; wall time is for logs, Date fields and what outlives the
// process. Both readings are cheap (vDSO) and safe from any thread.
#pragma once

#include <chrono>

namespace longshore {

using Deadline = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Deadline now() const noexcept = 0;
    [[nodiscard]] virtual WallTime wall() const noexcept = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
public:
    [[nodiscard]] Deadline now() const noexcept override { return std::chrono::steady_clock::now(); }
    [[nodiscard]] WallTime wall() const noexcept override { return std::chrono::system_clock::now(); }
};

// `now + span`, without overflow for spans that mean "never".
[[nodiscard]] inline Deadline after(Deadline now, std::chrono::nanoseconds span) noexcept {
    return span >= Deadline::max() - now ? Deadline::max()
                                         : now + std::chrono::duration_cast<Deadline::duration>(span);
}

}  // namespace longshore

// Wall time as it were had nobody set the clock since this was made: for ages of what also outlives the process.
//
// Threads: any.
#pragma once

#include "base/clock.hpp"

namespace longshore {

class SteadyWall {
public:
    // `clock` outlives it.
    explicit SteadyWall(const Clock& clock) : clock_(clock), wall_(clock.wall()), start_(clock.now()) {}
    [[nodiscard]] WallTime now() const noexcept {
        return wall_ + std::chrono::duration_cast<WallTime::duration>(clock_.now() - start_);
    }

private:
    const Clock& clock_;
    WallTime wall_;
    Deadline start_;
};

}  // namespace longshore

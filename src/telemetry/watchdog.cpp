#include "telemetry/watchdog.hpp"

#include "base/log.hpp"

namespace longshore::telemetry {

Watchdog::Watchdog(net::Loop& loop, ServiceManager& manager, Pulse& pulse)
    : loop_(loop), manager_(manager), pulse_(pulse) {
    arm();
}

void Watchdog::arm() {
    if (const auto every = manager_.alive_every()) loop_.timers().arm(*this, after(loop_.now(), *every));
}

void Watchdog::fire() noexcept {
    const auto alive = pulse_.check();
    if (alive) {
        (void)manager_.alive();  // a lost sign of life is followed by the next one
    } else if (!stuck_) {
        log(LogLevel::error, "loop_stuck", {{"reason", alive.error().where}});
    }
    stuck_ = !alive;
    arm();
}

}  // namespace longshore::telemetry

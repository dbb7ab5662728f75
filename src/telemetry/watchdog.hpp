// Tells systemd that the process is alive, for as long as every loop is.
//
// Does nothing unless systemd asked for it (WatchdogSec=). A stuck loop is logged once, and systemd, hearing
// nothing, restarts the service.
//
// Ownership: everything passed in outlives the object.
// Threads:   constructed, run and destroyed on `loop`.
#pragma once

#include "net/loop.hpp"
#include "telemetry/health.hpp"
#include "telemetry/systemd.hpp"

namespace longshore::telemetry {

class Watchdog final : private net::Timer {
public:
    Watchdog(net::Loop& loop, ServiceManager& manager, Pulse& pulse);

private:
    void fire() noexcept override;
    void arm();

    net::Loop& loop_;
    ServiceManager& manager_;
    Pulse& pulse_;
    bool stuck_ = false;
};

}  // namespace longshore::telemetry

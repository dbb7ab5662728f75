// Telling systemd how the service is doing (sd_notify), without libsystemd.
//
// The protocol is one datagram of VAR=value lines to the unix socket named by NOTIFY_SOCKET; a leading "@" means
// an abstract name. Started by anything but systemd, every call succeeds and does nothing. vsock addresses
// (systemd inside a VM telling its host) are Errc::unsupported.
//
// Threads: one at a time. A call waits for the receiver 200 ms at most.
// Errors:  invalid (the address), unsupported, overloaded (the receiver does not read), and what sendto says.
// Source:  sd_notify(3), sd_watchdog_enabled(3), systemd.service(5) Type=notify-reload.
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::telemetry {

class ServiceManager {
public:
    // What systemd passes to the process that it started.
    struct Address {
        std::string notify_socket;                          // empty: nobody to tell
        std::optional<std::chrono::microseconds> watchdog;  // it wants a sign of life within this
    };
    explicit ServiceManager(Address address) : address_(std::move(address)) {}

    // From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are removed so that children do not inherit them.
    // Call it from main before threads start.
    [[nodiscard]] static ServiceManager from_environment();

    [[nodiscard]] Result<> ready(std::string_view status);
    // `now` is the steady clock when the reload began; `ready` ends it.
    [[nodiscard]] Result<> reloading(Deadline now);
    [[nodiscard]] Result<> stopping(std::string_view status);
    // One line that `systemctl status` shows.
    [[nodiscard]] Result<> status(std::string_view text);
    [[nodiscard]] Result<> alive();

    // How often to call `alive`: half of what systemd waits; nothing when it does not watch.
    [[nodiscard]] std::optional<std::chrono::microseconds> alive_every() const;

private:
    [[nodiscard]] Result<> send(std::string message) const;

    Address address_;
};

// A listening socket that systemd opened and keeps open while services come and go.
struct ActivationSocket {
    int descriptor = -1;
    std::string name;  // FileDescriptorName= of the socket unit
};

// From LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES, which are removed so that children do not take them for theirs. Call
// it from main before threads start. Errc::invalid: more sockets than descriptors can be.
// Source: sd_listen_fds(3).
[[nodiscard]] Result<std::vector<ActivationSocket>> activation_sockets();

}  // namespace longshore::telemetry

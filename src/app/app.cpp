#include "app/app.hpp"

#include "app/role.hpp"
#include "base/log.hpp"

#include <unistd.h>

#include <csignal>

namespace longshore::app {
namespace {

int run_role(Start start) {
    std::signal(SIGPIPE, SIG_IGN);
    auto privilege = Privilege::prepare(start.config.user);
    const SystemClock clock;
    LogWriter writer{STDERR_FILENO, clock, {start.config.log.format, start.config.log.level}};
    const InstalledLog installed{writer};
    auto role = privilege ? RunningRole::start(std::move(start), std::move(*privilege), writer, clock)
                          : Result<std::unique_ptr<RunningRole>>{privilege.error()};
    if (!role) {
        log(LogLevel::error, "start_failed", {{"why", to_string(role.error())}});
        return 1;
    }
    (*role)->run();
    return 0;
}

}  // namespace

int run_up(Start start) { return run_role(std::move(start)); }
int run_mirror(Start start) { return run_role(std::move(start)); }

}  // namespace longshore::app

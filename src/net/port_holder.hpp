// Which process listens on a TCP port, for the error that says why we cannot.
//
// Read from /proc; other users' processes are seen by root only. Blocks for some milliseconds: start-up only.
// Source: proc(5), /proc/net/tcp.
#pragma once

#include "base/files.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace longshore::net {

struct PortHolder {
    int pid = 0;
    std::string program;
};

[[nodiscard]] std::optional<PortHolder> port_holder(Files& files, std::uint16_t port);

}  // namespace longshore::net

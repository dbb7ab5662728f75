// What passed through the gate, for the stats command.
#pragma once

#include <cstdint>
#include <string>

namespace longshore::gate {

struct DirectionCounters {
    std::uint64_t bytes = 0;  // handed on, both protocols
    std::uint64_t datagrams = 0;
    std::uint64_t dropped = 0;    // datagrams
    std::uint64_t corrupted = 0;  // bits flipped
};

struct Counters {
    std::uint64_t connections = 0;  // TCP, since the start
    std::uint64_t open = 0;
    std::uint64_t sessions = 0;     // UDP, since the start
    std::uint64_t unreachable = 0;  // connections for which the target could not be reached
    std::uint64_t cuts = 0;
    DirectionCounters up;
    DirectionCounters down;
};

[[nodiscard]] std::string to_json(const Counters& counters);

}  // namespace longshore::gate

// The gate's control channel: a command a line, an answer a line ("ok", "ok N", "err WHY", or JSON).
//
//   [up|down] delay MS [JITTER_MS] | drop P | corrupt every N | corrupt rate P | split N [PAUSE_MS] | join MS
//             | limit BYTES_PER_SECOND | cut N [rst|fin] | cut off | pass
//   refuse on|off     reset     target HOST:PORT     stats     faults     quit
//
// A number of 0 switches a fault off; without a direction a fault is set in both. `split`, `join` and the kind of a
// cut mean nothing to datagrams.
#pragma once

#include "counters.hpp"
#include "faults.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace longshore::gate {

class TcpGate;
class UdpGate;

struct Controlled {
    boost::asio::io_context& context;
    FaultBoard& board;
    const Counters& counters;
    TcpGate* tcp = nullptr;
    UdpGate* udp = nullptr;
};

// One command, one answer without its line end.
[[nodiscard]] std::string answer(Controlled gate, std::string_view line);

// Commands from standard input, answers to standard output; the end of the input ends the gate.
void control_by_stdin(Controlled gate);
// Commands from any number of connections to a Unix socket at `path`, which must not exist.
void control_by_socket(Controlled gate, const std::string& path);

}  // namespace longshore::gate

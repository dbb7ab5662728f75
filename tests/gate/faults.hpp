// What the gate does to the bytes that pass, and the commands that change it.
//
// One Faults value is shared by every connection and session; relays read it before each piece, so a command
// takes effect at once on what is already open. `changed` wakes whoever holds bytes back.
// Threads: everything in the gate runs on one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace longshore::gate {

enum class CutKind : std::uint8_t { reset, finish };

struct Cut {
    std::uint64_t after_bytes = 0;  // counted from the start of the connection, in this direction
    CutKind kind = CutKind::reset;
};

struct DirectionFaults {
    std::chrono::milliseconds delay{0};
    std::chrono::milliseconds jitter{0};  // added to `delay`, evenly from 0 to this
    double drop = 0;                      // UDP: share of datagrams lost; TCP: any value above 0 is a black hole
    std::uint64_t corrupt_every = 0;      // flips one bit in every so many bytes
    double corrupt_rate = 0;              // flips one bit in a byte with this probability
    std::uint32_t split = 0;              // TCP: writes of 1..split bytes
    std::chrono::milliseconds split_pause{0};
    std::chrono::milliseconds join{0};  // TCP: gathers bytes so long before one write
    std::uint64_t limit = 0;            // bytes per second
    std::optional<Cut> cut;
};

struct Faults {
    DirectionFaults up;    // from the client to the target
    DirectionFaults down;  // from the target to the client
    bool refuse = false;   // TCP: nothing listens; UDP: no new sessions
};

class FaultBoard {
public:
    explicit FaultBoard(boost::asio::any_io_executor executor);

    [[nodiscard]] const Faults& now() const noexcept { return faults_; }
    void set(const Faults& faults);
    // Returns when the faults have been changed.
    [[nodiscard]] boost::asio::awaitable<void> changed();

private:
    Faults faults_;
    boost::asio::steady_timer change_;
};

// Applies "[up|down] FAULT ARGUMENT..." or "[up|down] pass"; without a direction, both. The answer is empty, or
// what is wrong with the command (then nothing has changed).
[[nodiscard]] std::string apply_fault(Faults& faults, std::string_view command);

// The settings in force as a JSON object.
[[nodiscard]] std::string to_json(const Faults& faults);

}  // namespace longshore::gate

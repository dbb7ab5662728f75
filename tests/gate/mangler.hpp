// The random part of the faults of one direction of one connection.
//
// Every kind of choice has its own generator, seeded by run, connection and direction: what happens to the n-th
// byte depends on nothing but the seed, however the bytes were cut on their way in.
#pragma once

#include "faults.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>

namespace longshore::gate {

enum class Direction : std::uint8_t { up, down };

class Mangler {
public:
    Mangler(std::uint64_t seed, std::uint64_t connection, Direction direction);

    // Flips bits in the next bytes of the direction; how many were flipped.
    std::size_t corrupt(std::span<char> bytes, const DirectionFaults& faults);
    // How many of `available` bytes the next write takes, at least one.
    [[nodiscard]] std::size_t piece(std::size_t available, const DirectionFaults& faults);
    [[nodiscard]] std::chrono::milliseconds delay(const DirectionFaults& faults);
    [[nodiscard]] bool drops_datagram(const DirectionFaults& faults);

private:
    std::mt19937_64 flips_;
    std::mt19937_64 pieces_;
    std::mt19937_64 delays_;
    std::mt19937_64 drops_;
    std::uint64_t since_flip_ = 0;
};

// When a direction with a byte rate may send again.
class Pacer {
public:
    using Clock = std::chrono::steady_clock;
    [[nodiscard]] Clock::time_point ready_at() const noexcept { return ready_; }
    void sent(std::size_t bytes, std::uint64_t limit) noexcept;
    // The most one write should take, so that a rate is smooth and a change of it is felt soon.
    [[nodiscard]] static std::size_t burst(std::uint64_t limit) noexcept;

private:
    Clock::time_point ready_{};
};

}  // namespace longshore::gate

#include "mangler.hpp"

#include <algorithm>

namespace longshore::gate {

namespace {

std::mt19937_64 generator(std::uint64_t seed, std::uint64_t connection, Direction direction, std::uint32_t purpose) {
    std::seed_seq sequence{static_cast<std::uint32_t>(seed),       static_cast<std::uint32_t>(seed >> 32),
                           static_cast<std::uint32_t>(connection), static_cast<std::uint32_t>(connection >> 32),
                           static_cast<std::uint32_t>(direction),  purpose};
    return std::mt19937_64{sequence};
}

// Not std::uniform_*_distribution: their results differ between standard libraries.
double unit(std::mt19937_64& source) { return static_cast<double>(source() >> 11) * 0x1.0p-53; }

}  // namespace

Mangler::Mangler(std::uint64_t seed, std::uint64_t connection, Direction direction)
    : flips_(generator(seed, connection, direction, 1)),
      pieces_(generator(seed, connection, direction, 2)),
      delays_(generator(seed, connection, direction, 3)),
      drops_(generator(seed, connection, direction, 4)) {}

std::size_t Mangler::corrupt(std::span<char> bytes, const DirectionFaults& faults) {
    if (faults.corrupt_every == 0 && faults.corrupt_rate <= 0) return 0;
    std::size_t flipped = 0;
    for (char& byte : bytes) {
        const bool due = faults.corrupt_every != 0 && ++since_flip_ >= faults.corrupt_every;
        if (!due && !(faults.corrupt_rate > 0 && unit(flips_) < faults.corrupt_rate)) continue;
        byte = static_cast<char>(byte ^ static_cast<char>(1U << (flips_() % 8)));
        since_flip_ = 0;
        ++flipped;
    }
    return flipped;
}

std::size_t Mangler::piece(std::size_t available, const DirectionFaults& faults) {
    auto size = available;
    if (faults.split != 0) size = std::min<std::size_t>(size, 1 + pieces_() % faults.split);
    if (faults.limit != 0) size = std::min(size, Pacer::burst(faults.limit));
    return size;
}

std::chrono::milliseconds Mangler::delay(const DirectionFaults& faults) {
    if (faults.jitter.count() == 0) return faults.delay;
    const auto extra = delays_() % static_cast<std::uint64_t>(faults.jitter.count() + 1);
    return faults.delay + std::chrono::milliseconds{extra};
}

bool Mangler::drops_datagram(const DirectionFaults& faults) { return faults.drop > 0 && unit(drops_) < faults.drop; }

void Pacer::sent(std::size_t bytes, std::uint64_t limit) noexcept {
    if (limit == 0) return;
    const auto cost = std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(limit));
    ready_ = std::max(ready_, Clock::now()) + std::chrono::duration_cast<Clock::duration>(cost);
}

std::size_t Pacer::burst(std::uint64_t limit) noexcept { return std::clamp<std::uint64_t>(limit / 100, 1, 65536); }

}  // namespace longshore::gate

// What a process has taken on, over all its loops, and from when on it says no.
//
// Three points shed load, each before work is spent: a connection beyond the limit is not served until there is room
// (and those behind it wait in the kernel's queue), a request beyond the limit is answered 503 at its head, and what
// would have to be fetched from elsewhere is refused first of all when memory runs short.
//
// Ownership: outlives every Place.
// Threads:   any.
#pragma once

#include "base/metrics.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace longshore::http {

// How short memory is. Each step gives up what the one before does, and more.
enum class Pressure : std::uint8_t {
    none,
    fetches,     // nothing new is asked of origins
    requests,    // no new requests
    connections  // no new connections
};

class Load final : public Measured {
public:
    struct Limits {
        std::size_t connections = std::numeric_limits<std::size_t>::max();
        std::size_t requests = std::numeric_limits<std::size_t>::max();
    };
    enum class Pause : std::uint8_t { limit, memory, descriptors };

    // One connection or request that was taken on; leaves with its destruction.
    class Place {
    public:
        Place(Place&& other) noexcept : taken_(std::exchange(other.taken_, nullptr)) {}
        Place& operator=(Place&& other) noexcept {
            std::swap(taken_, other.taken_);
            return *this;
        }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place() {
            if (taken_ != nullptr) taken_->subtract();
        }

    private:
        friend class Load;
        explicit Place(Gauge& taken) : taken_(&taken) {}
        Gauge* taken_;
    };

    explicit Load(Limits limits) { set(limits); }

    // For what comes from now on.
    void set(Limits limits) noexcept;
    void set(Pressure pressure) noexcept { pressure_.store(pressure, std::memory_order_relaxed); }
    [[nodiscard]] Pressure pressure() const noexcept { return pressure_.load(std::memory_order_relaxed); }

    // Nothing: there is no room now.
    [[nodiscard]] std::optional<Place> connection() noexcept;
    // Nothing: answer 503.
    [[nodiscard]] std::optional<Place> request() noexcept;
    // Accepting waits.
    void paused(Pause why) noexcept { pauses_[static_cast<std::size_t>(why)].add(); }
    // Why `connection` gives nothing.
    [[nodiscard]] Pause reason() const noexcept {
        return pressure() == Pressure::connections ? Pause::memory : Pause::limit;
    }

    void measure(MetricWriter& into) const override;

private:
    [[nodiscard]] static bool take(Gauge& taken, const std::atomic<std::size_t>& limit) noexcept;

    std::atomic<std::size_t> most_connections_;
    std::atomic<std::size_t> most_requests_;
    std::atomic<Pressure> pressure_{Pressure::none};
    Gauge connections_;
    Gauge requests_;
    std::array<Counter, 3> pauses_;
    std::array<Counter, 2> shed_;  // for the limit, for memory
};

}  // namespace longshore::http

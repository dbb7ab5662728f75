// The handshakes of one loop: how many may be under way, how many may begin, what became of them.
//
// A handshake costs a hundred times what a request does, and anybody may ask for one. A connection beyond the limits is
// closed before any cryptography is done for it, so that established connections keep their service. A connection that
// says nothing costs a place and no rate; when all places are taken, the one taken longest ago gives way to a new
// connection once it is a second old. One address (of IPv6, one /64 network) has at most half of the places and half
// of the rate, so that one flood leaves room for the others.
//
// Ownership: outlives its places.
// Threads:   one loop; `measure` from any.
#pragma once

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "net/tcp.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace longshore::tls {

struct Facts;

struct HandshakeLimits {
    std::size_t at_once = 1024;
    std::size_t per_second = 1000;  // in bursts of a second's worth; 0: any
    std::chrono::nanoseconds timeout = std::chrono::seconds{10};
};

class Handshakes final : public Measured {
public:
    explicit Handshakes(HandshakeLimits limits = {});
    Handshakes(const Handshakes&) = delete;
    Handshakes& operator=(const Handshakes&) = delete;
    ~Handshakes() override;

    // For connections that come afterwards.
    void set(HandshakeLimits limits) noexcept { limits_ = limits; }

    class Place;
    // A place for the handshake of a connection just accepted, which outlives the place; null when it is to be closed.
    [[nodiscard]] std::unique_ptr<Place> admit(net::TcpStream& connection, Deadline now);

    void measure(MetricWriter& into) const override;

private:
    // Tokens that come back with time; may run into debt.
    struct Bucket {
        double tokens = 0;
        Deadline filled{};
        [[nodiscard]] bool has_any(double per_second, Deadline now) noexcept;
    };
    // What an address has; addresses that hash to the same cell share.
    struct Share {
        Bucket bucket;
        std::size_t under_way = 0;
    };
    enum class Shed : std::uint8_t { places, rate, address, oldest };
    enum class Outcome : std::uint8_t { ok, failed, timed_out, left };
    static constexpr std::size_t k_cells = 1024;

    [[nodiscard]] Share& share_of(std::string_view peer);
    [[nodiscard]] std::optional<Shed> judge(Share& share, Deadline now);
    [[nodiscard]] bool give_up_oldest(Deadline now);
    void count(Outcome outcome) noexcept { outcomes_[static_cast<std::size_t>(outcome)].add(); }
    void count(Shed reason) noexcept { shed_[static_cast<std::size_t>(reason)].add(); }

    HandshakeLimits limits_;
    std::uint64_t seed_;
    Bucket bucket_;
    std::array<Share, k_cells> shares_;
    Place* oldest_ = nullptr;  // a list by age
    Place* newest_ = nullptr;
    std::size_t under_way_ = 0;
    Gauge shown_under_way_;
    std::array<Counter, 4> outcomes_;
    std::array<Counter, 4> shed_;
    std::array<std::array<Counter, 2>, 2> connections_;  // by version, by resumed
    Histogram duration_{k_duration_bounds};
};

// One handshake under way. Destroying it frees the place.
class Handshakes::Place {
public:
    Place(Handshakes& all, Share& share, net::TcpStream& connection, Deadline now);
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place();

    [[nodiscard]] Deadline deadline() const noexcept { return deadline_; }
    // The client has begun.
    void begin(Deadline now) noexcept;
    // The end of it, once.
    void succeed(const Facts& facts, Deadline now) noexcept;
    void fail(Errc why) noexcept;

private:
    friend class Handshakes;
    Handshakes& all_;
    Share& share_;
    net::TcpStream& connection_;
    Deadline taken_;
    Deadline deadline_;
    Deadline began_{};
    bool given_up_ = false;
    Place* older_ = nullptr;
    Place* newer_ = nullptr;
};

}  // namespace longshore::tls

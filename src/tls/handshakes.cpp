#include "tls/handshakes.hpp"

#include "tls/metrics.hpp"
#include "tls/stream.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <functional>
#include <random>

namespace longshore::tls {
namespace {

constexpr std::chrono::seconds k_grace{1};  // no handshake is given up for another before
constexpr std::array<std::string_view, 4> k_outcome_labels{"ok", "failed", "timed_out", "left"};
constexpr std::array<std::string_view, 4> k_shed_labels{"places", "rate", "address", "oldest"};
constexpr std::array<std::string_view, 2> k_version_labels{"1.2", "1.3"};
constexpr std::array<std::string_view, 2> k_resumed_labels{"no", "yes"};

// "192.0.2.1:4711" is 192.0.2.1, "[2001:db8::1]:80" is its first 8 bytes, as an IPv6 client has a network to itself.
std::string origin_of(std::string_view peer) {
    auto host = peer.substr(0, peer.rfind(':'));
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    boost::system::error_code wrong;
    const auto address = boost::asio::ip::make_address(std::string{host}, wrong);
    if (wrong || !address.is_v6() || address.to_v6().is_v4_mapped()) return std::string{host};
    const auto bytes = address.to_v6().to_bytes();
    return {reinterpret_cast<const char*>(bytes.data()), 8};
}

std::size_t half_of(std::size_t all) { return std::max<std::size_t>(1, all / 2); }

}  // namespace

bool Handshakes::Bucket::has_any(double per_second, Deadline now) noexcept {
    const std::chrono::duration<double> elapsed = now - filled;
    tokens = std::min(std::max(1.0, per_second), tokens + elapsed.count() * per_second);
    filled = now;
    return tokens >= 1;
}

Handshakes::Handshakes(HandshakeLimits limits)
    : limits_(limits), seed_(std::uint64_t{std::random_device{}()} << 32U | std::random_device{}()) {}

Handshakes::~Handshakes() = default;

// Which cell an address falls into is unknown to others: nobody can choose one to share it with a victim.
Handshakes::Share& Handshakes::share_of(std::string_view peer) {
    auto origin = origin_of(peer);
    origin.append(reinterpret_cast<const char*>(&seed_), sizeof seed_);
    return shares_[std::hash<std::string>{}(origin) % k_cells];
}

std::optional<Handshakes::Shed> Handshakes::judge(Share& share, Deadline now) {
    if (share.under_way >= half_of(limits_.at_once)) return Shed::address;
    const auto rate = static_cast<double>(limits_.per_second);
    if (limits_.per_second != 0 && !share.bucket.has_any(rate / 2, now)) return Shed::address;
    if (limits_.per_second != 0 && !bucket_.has_any(rate, now)) return Shed::rate;
    if (under_way_ >= limits_.at_once && !give_up_oldest(now)) return Shed::places;
    return std::nullopt;
}

// The connection's handshake ends by itself then; its place stays taken until it has.
bool Handshakes::give_up_oldest(Deadline now) {
    for (Place* place = oldest_; place != nullptr && now - place->taken_ >= k_grace; place = place->newer_) {
        if (place->given_up_) continue;
        place->given_up_ = true;
        count(Shed::oldest);
        place->connection_.abort(Errc::overloaded);
        return true;
    }
    return false;
}

std::unique_ptr<Handshakes::Place> Handshakes::admit(net::TcpStream& connection, Deadline now) {
    auto& share = share_of(connection.peer());
    if (const auto reason = judge(share, now)) {
        count(*reason);
        return nullptr;
    }
    return std::make_unique<Place>(*this, share, connection, now);
}

void Handshakes::measure(MetricWriter& into) const {
    for (std::size_t i = 0; i < outcomes_.size(); ++i)
        into.counter(k_handshakes, outcomes_[i], {{"outcome", k_outcome_labels[i]}});
    for (std::size_t i = 0; i < shed_.size(); ++i) into.counter(k_shed, shed_[i], {{"reason", k_shed_labels[i]}});
    for (std::size_t version = 0; version < connections_.size(); ++version) {
        for (std::size_t resumed = 0; resumed < connections_[version].size(); ++resumed) {
            into.counter(k_connections, connections_[version][resumed],
                         {{"version", k_version_labels[version]}, {"resumed", k_resumed_labels[resumed]}});
        }
    }
    into.gauge(k_under_way, shown_under_way_);
    into.histogram(k_handshake_duration, duration_);
}

Handshakes::Place::Place(Handshakes& all, Share& share, net::TcpStream& connection, Deadline now)
    : all_(all),
      share_(share),
      connection_(connection),
      taken_(now),
      deadline_(after(now, all.limits_.timeout)),
      older_(all.newest_) {
    (older_ != nullptr ? older_->newer_ : all_.oldest_) = this;
    all_.newest_ = this;
    ++all_.under_way_;
    ++share_.under_way;
    all_.shown_under_way_.add();
}

Handshakes::Place::~Place() {
    (older_ != nullptr ? older_->newer_ : all_.oldest_) = newer_;
    (newer_ != nullptr ? newer_->older_ : all_.newest_) = older_;
    --all_.under_way_;
    --share_.under_way;
    all_.shown_under_way_.subtract();
}

void Handshakes::Place::begin(Deadline now) noexcept {
    began_ = now;
    share_.bucket.tokens -= 1;
    all_.bucket_.tokens -= 1;
}

void Handshakes::Place::succeed(const Facts& facts, Deadline now) noexcept {
    all_.count(Outcome::ok);
    all_.connections_[facts.protocol == "TLSv1.3" ? 1 : 0][facts.resumed ? 1 : 0].add();
    all_.duration_.observe(std::chrono::duration<double>{now - began_}.count());
}

void Handshakes::Place::fail(Errc why) noexcept {
    if (given_up_) return;  // counted as shed
    all_.count(why == Errc::timeout                                 ? Outcome::timed_out
               : why == Errc::peer_closed || why == Errc::cancelled ? Outcome::left
                                                                    : Outcome::failed);
}

}  // namespace longshore::tls

#include "udp_gate.hpp"

#include "mangler.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <vector>

namespace longshore::gate {

namespace asio = boost::asio;
using asio::ip::udp;
using Clock = std::chrono::steady_clock;
using boost::system::error_code;

namespace {

constexpr auto k_token = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t k_datagram_bytes = 65536;
constexpr std::size_t k_waiting = 4096;   // datagrams per session and direction
constexpr std::size_t k_sessions = 8192;  // each has a descriptor
constexpr auto k_idle = std::chrono::seconds{60};

}  // namespace

class UdpSession : public std::enable_shared_from_this<UdpSession> {
public:
    UdpSession(asio::io_context& context, udp::socket& front, udp::endpoint source, std::uint64_t seed,
               std::uint64_t id, FaultBoard& board, Counters& counters)
        : front_(front),
          back_(context),
          source_(std::move(source)),
          board_(board),
          counters_(counters),
          up_{Mangler{seed, id, Direction::up}},
          down_{Mangler{seed, id, Direction::down}} {}

    [[nodiscard]] error_code connect(const udp::endpoint& target) {
        error_code error;
        back_.connect(target, error);
        back_.non_blocking(true, error);
        return error;
    }
    void pass(Direction direction, std::vector<char> bytes);
    void close() {
        error_code ignored;
        back_.close(ignored);
    }
    [[nodiscard]] Clock::time_point last_used() const noexcept { return last_used_; }
    static asio::awaitable<void> receive_loop(std::shared_ptr<UdpSession> self);

private:
    struct Side {
        Mangler mangler;
        Pacer pacer;
        std::uint64_t passed = 0;  // bytes taken from the source
        std::size_t waiting = 0;   // datagrams
    };
    void send(Direction direction, const std::vector<char>& bytes);
    static asio::awaitable<void> send_later(std::shared_ptr<UdpSession> self, Direction direction,
                                            Clock::time_point when, std::vector<char> bytes);
    DirectionCounters& count(Direction d) { return d == Direction::up ? counters_.up : counters_.down; }

    udp::socket& front_;  // the gate's, non-blocking
    udp::socket back_;
    udp::endpoint source_;
    FaultBoard& board_;
    Counters& counters_;
    Side up_;
    Side down_;
    Clock::time_point last_used_ = Clock::now();
};

void UdpSession::pass(Direction direction, std::vector<char> bytes) {
    last_used_ = Clock::now();
    auto& side = direction == Direction::up ? up_ : down_;
    const auto& faults = direction == Direction::up ? board_.now().up : board_.now().down;
    side.passed += bytes.size();
    const bool silenced = faults.cut && side.passed > faults.cut->after_bytes;
    if (silenced || side.mangler.drops_datagram(faults) || side.waiting >= k_waiting) {
        ++count(direction).dropped;
        return;
    }
    count(direction).corrupted += side.mangler.corrupt(bytes, faults);
    const auto when = std::max(Clock::now(), side.pacer.ready_at()) + side.mangler.delay(faults);
    side.pacer.sent(bytes.size(), faults.limit);
    if (when <= Clock::now()) return send(direction, bytes);
    ++side.waiting;
    asio::co_spawn(back_.get_executor(), send_later(shared_from_this(), direction, when, std::move(bytes)),
                   asio::detached);
}

asio::awaitable<void> UdpSession::send_later(std::shared_ptr<UdpSession> self, Direction direction,
                                             Clock::time_point when, std::vector<char> bytes) {
    asio::steady_timer timer(self->back_.get_executor());
    timer.expires_at(when);
    co_await timer.async_wait(k_token);
    --(direction == Direction::up ? self->up_ : self->down_).waiting;
    self->send(direction, bytes);
}

void UdpSession::send(Direction direction, const std::vector<char>& bytes) {
    error_code error;
    if (direction == Direction::up) {
        back_.send(asio::buffer(bytes), 0, error);
    } else {
        front_.send_to(asio::buffer(bytes), source_, 0, error);
    }
    auto& counter = count(direction);
    if (error) {
        ++counter.dropped;
        return;
    }
    ++counter.datagrams;
    counter.bytes += bytes.size();
}

asio::awaitable<void> UdpSession::receive_loop(std::shared_ptr<UdpSession> self) {
    std::vector<char> buffer(k_datagram_bytes);
    while (self->back_.is_open()) {
        const auto [error, size] = co_await self->back_.async_receive(asio::buffer(buffer), k_token);
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
        if (error) continue;  // an ICMP answer to an earlier datagram
        self->pass(Direction::down, {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)});
    }
}

UdpGate::UdpGate(asio::io_context& context, udp::endpoint listen, udp::endpoint target, std::uint64_t seed,
                 FaultBoard& board, Counters& counters)
    : context_(context),
      socket_(context, listen),
      target_(std::move(target)),
      seed_(seed),
      board_(board),
      counters_(counters) {
    socket_.non_blocking(true);
    socket_.set_option(asio::socket_base::receive_buffer_size(4 * 1024 * 1024));
    asio::co_spawn(context_, receive_loop(*this), asio::detached);
    asio::co_spawn(context_, expire_loop(*this), asio::detached);
}

asio::awaitable<void> UdpGate::receive_loop(UdpGate& gate) {
    std::vector<char> buffer(k_datagram_bytes);
    udp::endpoint source;
    while (gate.socket_.is_open()) {
        const auto [error, size] = co_await gate.socket_.async_receive_from(asio::buffer(buffer), source, k_token);
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
        if (error) continue;
        auto* const session = gate.session_for(source);
        if (session == nullptr) {
            ++gate.counters_.up.dropped;
            continue;
        }
        session->pass(Direction::up, {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)});
    }
}

UdpSession* UdpGate::session_for(const udp::endpoint& source) {
    if (const auto known = sessions_.find(source); known != sessions_.end()) return known->second.get();
    if (board_.now().refuse || sessions_.size() >= k_sessions) return nullptr;
    auto session =
        std::make_shared<UdpSession>(context_, socket_, source, seed_, counters_.sessions, board_, counters_);
    if (session->connect(target_)) {
        ++counters_.unreachable;
        return nullptr;
    }
    ++counters_.sessions;
    asio::co_spawn(context_, UdpSession::receive_loop(session), asio::detached);
    return sessions_.emplace(source, std::move(session)).first->second.get();
}

asio::awaitable<void> UdpGate::expire_loop(UdpGate& gate) {
    asio::steady_timer timer(gate.context_);
    while (gate.socket_.is_open()) {
        timer.expires_after(std::chrono::seconds{5});
        co_await timer.async_wait(k_token);
        const auto limit = Clock::now() - k_idle;
        std::erase_if(gate.sessions_, [limit](const auto& entry) {
            const bool idle = entry.second->last_used() < limit;
            if (idle) entry.second->close();
            return idle;
        });
    }
}

std::size_t UdpGate::reset_all() {
    const auto count = sessions_.size();
    for (const auto& [source, session] : sessions_) session->close();
    sessions_.clear();
    return count;
}

}  // namespace longshore::gate

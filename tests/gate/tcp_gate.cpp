#include "tcp_gate.hpp"

#include "mangler.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <deque>
#include <vector>

namespace longshore::gate {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using boost::system::error_code;

namespace {

constexpr auto k_token = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t k_read_bytes = 64 * 1024;
constexpr std::size_t k_queue_bytes = 4 * 1024 * 1024;  // what a delayed direction may hold
constexpr auto k_drain = std::chrono::seconds{2};       // for a peer to end after a FIN cut

void abort_socket(tcp::socket& socket) {
    error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
}

void finish_socket(tcp::socket& socket) {
    error_code ignored;
    socket.shutdown(tcp::socket::shutdown_send, ignored);
}

enum class Mark : std::uint8_t { bytes, end, reset };
struct Item {
    Mark mark = Mark::bytes;
    Clock::time_point due;
    std::vector<char> bytes;
};

// A condition of one thread: waits end when somebody calls notify.
class Signal {
public:
    explicit Signal(const asio::any_io_executor& executor) : timer_(executor) {
        timer_.expires_at(Clock::time_point::max());
    }
    void notify() { timer_.cancel(); }
    asio::awaitable<void> wait() { co_await timer_.async_wait(k_token); }

private:
    asio::steady_timer timer_;
};

asio::awaitable<void> sleep_until(Clock::time_point when) {
    if (when <= Clock::now()) co_return;
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_at(when);
    co_await timer.async_wait(k_token);
}

}  // namespace

class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
public:
    TcpConnection(tcp::socket client, std::uint64_t id, std::uint64_t seed, FaultBoard& board, Counters& counters)
        : client_(std::move(client)),
          target_(client_.get_executor()),
          board_(board),
          counters_(counters),
          up_(client_.get_executor(), Mangler{seed, id, Direction::up}),
          down_(client_.get_executor(), Mangler{seed, id, Direction::down}) {}
    ~TcpConnection() { count_closed(); }

    static asio::awaitable<void> run(std::shared_ptr<TcpConnection> self, tcp::endpoint target);
    void reset() {
        abort_socket(client_);
        abort_socket(target_);
        count_closed();
        ended_ = true;
        up_.changed.notify();
        down_.changed.notify();
    }

private:
    struct Pump {
        Pump(const asio::any_io_executor& executor, Mangler m) : changed(executor), mangler(std::move(m)) {}
        std::deque<Item> queue;
        std::size_t queued = 0;  // bytes
        Signal changed;
        Mangler mangler;
        Pacer pacer;
        std::uint64_t passed = 0;  // bytes written
        bool stopped = false;      // nobody will read from the queue again
    };
    struct Side {
        Pump& pump;
        tcp::socket& from;
        tcp::socket& to;
        Direction direction;
    };
    enum class Next : std::uint8_t { go_on, stop };

    Side side(Direction direction) {
        return direction == Direction::up ? Side{up_, client_, target_, direction}
                                          : Side{down_, target_, client_, direction};
    }
    const DirectionFaults& faults(Direction d) const {
        return d == Direction::up ? board_.now().up : board_.now().down;
    }
    DirectionCounters& count(Direction d) { return d == Direction::up ? counters_.up : counters_.down; }

    static asio::awaitable<void> read_side(std::shared_ptr<TcpConnection> self, Direction direction);
    static asio::awaitable<void> write_side(std::shared_ptr<TcpConnection> self, Direction direction);
    asio::awaitable<void> while_dropped(Direction direction);
    asio::awaitable<Item> take(Side side);
    asio::awaitable<void> gather(Side side, Item& item);
    asio::awaitable<Next> write_bytes(Side side, std::vector<char> bytes);
    asio::awaitable<Next> cut(Side side, Cut cut);
    static asio::awaitable<void> drain(std::shared_ptr<TcpConnection> self, Direction direction);
    void push(Side side, Item item);
    void count_closed() noexcept {
        if (!std::exchange(counted_closed_, true)) --counters_.open;
    }

    tcp::socket client_;
    tcp::socket target_;
    FaultBoard& board_;
    Counters& counters_;
    Pump up_;
    Pump down_;
    bool ended_ = false;
    bool counted_closed_ = false;
};

asio::awaitable<void> TcpConnection::run(std::shared_ptr<TcpConnection> self, tcp::endpoint target) {
    co_await self->while_dropped(Direction::up);
    if (self->ended_) co_return;
    const auto [error] = co_await self->target_.async_connect(target, k_token);
    if (error || self->ended_) {
        ++self->counters_.unreachable;
        self->reset();
        co_return;
    }
    error_code ignored;
    self->client_.set_option(tcp::no_delay(true), ignored);
    self->target_.set_option(tcp::no_delay(true), ignored);
    const auto executor = self->client_.get_executor();
    for (const auto direction : {Direction::up, Direction::down}) {
        asio::co_spawn(executor, read_side(self, direction), asio::detached);
        asio::co_spawn(executor, write_side(self, direction), asio::detached);
    }
}

asio::awaitable<void> TcpConnection::while_dropped(Direction direction) {
    while (!ended_ && faults(direction).drop > 0) co_await board_.changed();
}

void TcpConnection::push(Side side, Item item) {
    auto& queue = side.pump.queue;
    item.due = Clock::now() + side.pump.mangler.delay(faults(side.direction));
    if (!queue.empty()) item.due = std::max(item.due, queue.back().due);
    side.pump.queued += item.bytes.size();
    queue.push_back(std::move(item));
    side.pump.changed.notify();
}

asio::awaitable<void> TcpConnection::read_side(std::shared_ptr<TcpConnection> self, Direction direction) {
    const auto side = self->side(direction);
    while (true) {
        co_await self->while_dropped(direction);
        while (side.pump.queued >= k_queue_bytes && !side.pump.stopped) co_await side.pump.changed.wait();
        if (self->ended_ || side.pump.stopped) co_return;
        std::vector<char> bytes(k_read_bytes);
        const auto [error, size] = co_await side.from.async_read_some(asio::buffer(bytes), k_token);
        if (error) {
            self->push(side, Item{error == asio::error::eof ? Mark::end : Mark::reset, {}, {}});
            co_return;
        }
        bytes.resize(size);
        self->push(side, Item{Mark::bytes, {}, std::move(bytes)});
    }
}

asio::awaitable<Item> TcpConnection::take(Side side) {
    while (side.pump.queue.empty() && !ended_) co_await side.pump.changed.wait();
    if (ended_) co_return Item{Mark::reset, {}, {}};
    auto item = std::move(side.pump.queue.front());
    side.pump.queue.pop_front();
    side.pump.queued -= item.bytes.size();
    side.pump.changed.notify();
    co_return item;
}

// Waits out the join time, then takes along what has come meanwhile.
asio::awaitable<void> TcpConnection::gather(Side side, Item& item) {
    const auto join = faults(side.direction).join;
    if (join.count() == 0) co_return;
    co_await sleep_until(Clock::now() + join);
    auto& queue = side.pump.queue;
    while (!queue.empty() && queue.front().mark == Mark::bytes && queue.front().due <= Clock::now()) {
        const auto more = std::move(queue.front().bytes);
        queue.pop_front();
        side.pump.queued -= more.size();
        item.bytes.insert(item.bytes.end(), more.begin(), more.end());
    }
    side.pump.changed.notify();
}

asio::awaitable<void> TcpConnection::write_side(std::shared_ptr<TcpConnection> self, Direction direction) {
    const auto side = self->side(direction);
    while (true) {
        auto item = co_await self->take(side);
        if (self->ended_) break;
        co_await sleep_until(item.due);
        co_await self->while_dropped(direction);
        if (self->ended_) break;
        if (item.mark == Mark::reset) {
            self->reset();
            break;
        }
        if (item.mark == Mark::end) {
            finish_socket(side.to);
            break;
        }
        co_await self->gather(side, item);
        const auto next = co_await self->write_bytes(side, std::move(item.bytes));
        if (next == Next::stop) break;
    }
    side.pump.stopped = true;
    side.pump.changed.notify();
}

asio::awaitable<TcpConnection::Next> TcpConnection::write_bytes(Side side, std::vector<char> bytes) {
    count(side.direction).corrupted += side.pump.mangler.corrupt(bytes, faults(side.direction));
    std::size_t at = 0;
    while (at < bytes.size()) {
        co_await while_dropped(side.direction);
        co_await sleep_until(side.pump.pacer.ready_at());
        if (ended_) co_return Next::stop;
        const auto now = faults(side.direction);
        auto size = side.pump.mangler.piece(bytes.size() - at, now);
        if (now.cut) {
            const auto left = now.cut->after_bytes - std::min(now.cut->after_bytes, side.pump.passed);
            if (left == 0) co_return co_await cut(side, *now.cut);
            size = std::min<std::size_t>(size, left);
        }
        const auto [error, written] =
            co_await asio::async_write(side.to, asio::buffer(bytes.data() + at, size), k_token);
        at += written;
        side.pump.passed += written;
        count(side.direction).bytes += written;
        if (error) co_return Next::stop;
        side.pump.pacer.sent(written, now.limit);
        if (now.cut && side.pump.passed >= now.cut->after_bytes) co_return co_await cut(side, *now.cut);
        if (now.split_pause.count() != 0 && at < bytes.size()) co_await sleep_until(Clock::now() + now.split_pause);
    }
    co_return Next::go_on;
}

asio::awaitable<TcpConnection::Next> TcpConnection::cut(Side side, Cut cut) {
    ++counters_.cuts;
    if (cut.kind == CutKind::reset) {
        reset();
        co_return Next::stop;
    }
    finish_socket(side.to);
    finish_socket(side.from);
    ended_ = true;
    up_.changed.notify();
    down_.changed.notify();
    error_code ignored;
    client_.cancel(ignored);
    target_.cancel(ignored);
    for (const auto direction : {Direction::up, Direction::down}) {
        asio::co_spawn(client_.get_executor(), drain(shared_from_this(), direction), asio::detached);
    }
    co_return Next::stop;
}

// Closing with unread bytes would turn the FIN into an RST.
asio::awaitable<void> TcpConnection::drain(std::shared_ptr<TcpConnection> self, Direction direction) {
    auto& socket = self->side(direction).from;
    asio::steady_timer limit(socket.get_executor(), k_drain);
    limit.async_wait([self, &socket](error_code error) {
        if (!error) abort_socket(socket);
    });
    std::vector<char> bytes(k_read_bytes);
    while (true) {
        const auto [error, size] = co_await socket.async_read_some(asio::buffer(bytes), k_token);
        if (error) co_return;
    }
}

TcpGate::TcpGate(asio::io_context& context, tcp::endpoint listen, tcp::endpoint target, std::uint64_t seed,
                 FaultBoard& board, Counters& counters)
    : context_(context),
      listen_(std::move(listen)),
      target_(std::move(target)),
      seed_(seed),
      board_(board),
      counters_(counters) {
    open_listener();
}

void TcpGate::open_listener() {
    acceptor_ = std::make_shared<tcp::acceptor>(context_, listen_);
    listen_ = acceptor_->local_endpoint();
    asio::co_spawn(context_, accept_loop(*this, acceptor_), asio::detached);
}

asio::awaitable<void> TcpGate::accept_loop(TcpGate& gate, std::shared_ptr<tcp::acceptor> on) {
    while (on->is_open()) {
        auto [error, socket] = co_await on->async_accept(k_token);
        if (error) {
            if (!on->is_open()) co_return;
            co_await sleep_until(Clock::now() + std::chrono::milliseconds{20});
            continue;
        }
        const auto id = gate.counters_.connections++;
        ++gate.counters_.open;
        auto connection =
            std::make_shared<TcpConnection>(std::move(socket), id, gate.seed_, gate.board_, gate.counters_);
        if (gate.connections_.size() > 2 * gate.counters_.open + 64) {
            std::erase_if(gate.connections_, [](const auto& entry) { return entry.second.expired(); });
        }
        gate.connections_.emplace(id, connection);
        asio::co_spawn(gate.context_, TcpConnection::run(connection, gate.target_), asio::detached);
    }
}

std::string TcpGate::follow_refuse() {
    const bool open = acceptor_->is_open();
    if (board_.now().refuse == !open) return {};
    if (open) {
        acceptor_->close();
        return {};
    }
    try {
        open_listener();
    } catch (const boost::system::system_error& error) {
        return error.what();
    }
    return {};
}

std::size_t TcpGate::reset_all() {
    std::size_t count = 0;
    for (const auto& [id, weak] : connections_) {
        if (const auto connection = weak.lock()) {
            connection->reset();
            ++count;
        }
    }
    connections_.clear();
    return count;
}

}  // namespace longshore::gate

#include "control.hpp"

#include "tcp_gate.hpp"
#include "udp_gate.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>

#include <unistd.h>

#include <charconv>

namespace longshore::gate {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto k_token = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t k_line_bytes = 4096;

std::string retarget(Controlled gate, std::string_view where) {
    const auto colon = where.rfind(':');
    error_code error;
    const auto address = asio::ip::make_address(where.substr(0, colon == where.npos ? 0 : colon), error);
    std::uint16_t port = 0;
    const auto text = colon == where.npos ? std::string_view{} : where.substr(colon + 1);
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error || bad != std::errc{} || end != text.data() + text.size()) return "err usage: target IP:PORT";
    if (gate.tcp != nullptr) gate.tcp->retarget({address, port});
    if (gate.udp != nullptr) gate.udp->retarget({address, port});
    return "ok";
}

std::string reset_all(Controlled gate) {
    std::size_t count = 0;
    if (gate.tcp != nullptr) count += gate.tcp->reset_all();
    if (gate.udp != nullptr) count += gate.udp->reset_all();
    gate.board.set(gate.board.now());  // wakes what waits in a black hole
    return "ok " + std::to_string(count);
}

std::string change_faults(Controlled gate, std::string_view line) {
    auto faults = gate.board.now();
    auto problem = apply_fault(faults, line);
    if (problem.empty()) {
        gate.board.set(faults);
        if (gate.tcp != nullptr) problem = gate.tcp->follow_refuse();
    }
    return problem.empty() ? "ok" : "err " + problem;
}

template <class Input, class Output>
asio::awaitable<void> serve_lines(Controlled gate, Input& input, Output& output) {
    std::string buffer;
    while (true) {
        const auto [error, size] =
            co_await asio::async_read_until(input, asio::dynamic_buffer(buffer, k_line_bytes), '\n', k_token);
        if (error) co_return;
        const auto reply = answer(gate, std::string_view{buffer}.substr(0, size - 1)) + "\n";
        buffer.erase(0, size);
        const auto [failed, written] = co_await asio::async_write(output, asio::buffer(reply), k_token);
        if (failed) co_return;
    }
}

asio::awaitable<void> serve_stdin(Controlled gate) {
    asio::posix::stream_descriptor input(gate.context, ::dup(STDIN_FILENO));
    asio::posix::stream_descriptor output(gate.context, ::dup(STDOUT_FILENO));
    co_await serve_lines(gate, input, output);
    gate.context.stop();
}

using LocalSocket = asio::local::stream_protocol::socket;

asio::awaitable<void> serve_connection(Controlled gate, LocalSocket socket) {
    co_await serve_lines(gate, socket, socket);
}

asio::awaitable<void> serve_socket(Controlled gate, std::string path) {
    asio::local::stream_protocol::acceptor acceptor(gate.context, path);
    while (true) {
        auto [error, socket] = co_await acceptor.async_accept(k_token);
        if (error) co_return;
        asio::co_spawn(gate.context, serve_connection(gate, std::move(socket)), asio::detached);
    }
}

}  // namespace

std::string answer(Controlled gate, std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line == "stats") return to_json(gate.counters);
    if (line == "faults") return to_json(gate.board.now());
    if (line == "reset") return reset_all(gate);
    if (line.starts_with("target ")) return retarget(gate, line.substr(7));
    if (line == "quit") {
        asio::post(gate.context, [&context = gate.context] { context.stop(); });
        return "ok";
    }
    return change_faults(gate, line);
}

std::string to_json(const Counters& counters) {
    const auto direction = [](const DirectionCounters& c) {
        return boost::json::value{
            {"bytes", c.bytes}, {"datagrams", c.datagrams}, {"dropped", c.dropped}, {"corrupted", c.corrupted}};
    };
    return boost::json::serialize(boost::json::value{{"connections", counters.connections},
                                                     {"open", counters.open},
                                                     {"sessions", counters.sessions},
                                                     {"unreachable", counters.unreachable},
                                                     {"cuts", counters.cuts},
                                                     {"up", direction(counters.up)},
                                                     {"down", direction(counters.down)}});
}

void control_by_stdin(Controlled gate) { asio::co_spawn(gate.context, serve_stdin(gate), asio::detached); }

void control_by_socket(Controlled gate, const std::string& path) {
    asio::co_spawn(gate.context, serve_socket(gate, path), [](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
    });
}

}  // namespace longshore::gate

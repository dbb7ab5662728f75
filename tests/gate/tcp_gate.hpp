// The TCP half of the gate: each accepted connection gets one of its own to the target, and two pumps.
//
// A pump reads into a bounded queue and writes from it, so that a delay holds bytes without holding up the reader.
// A black hole stops both: neither bytes nor FIN nor RST pass until it is lifted, then the rest follows in order,
// as after a partition of the network. Connections end themselves; `reset_all` ends them with RST.
#pragma once

#include "counters.hpp"
#include "faults.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

namespace longshore::gate {

class TcpConnection;

class TcpGate {
public:
    // The references outlive the gate. Throws boost::system::system_error when the port cannot be had.
    TcpGate(boost::asio::io_context& context, boost::asio::ip::tcp::endpoint listen,
            boost::asio::ip::tcp::endpoint target, std::uint64_t seed, FaultBoard& board, Counters& counters);

    [[nodiscard]] const boost::asio::ip::tcp::endpoint& address() const noexcept { return listen_; }
    // Where connections accepted from here on go.
    void retarget(boost::asio::ip::tcp::endpoint target) { target_ = std::move(target); }
    // Opens or closes the listening socket as `refuse` says; what went wrong, or nothing.
    [[nodiscard]] std::string follow_refuse();
    // How many were open.
    std::size_t reset_all();

private:
    void open_listener();
    static boost::asio::awaitable<void> accept_loop(TcpGate& gate, std::shared_ptr<boost::asio::ip::tcp::acceptor> on);

    boost::asio::io_context& context_;
    boost::asio::ip::tcp::endpoint listen_;
    boost::asio::ip::tcp::endpoint target_;
    std::uint64_t seed_;
    FaultBoard& board_;
    Counters& counters_;
    std::shared_ptr<boost::asio::ip::tcp::acceptor> acceptor_;
    std::unordered_map<std::uint64_t, std::weak_ptr<TcpConnection>> connections_;
};

}  // namespace longshore::gate

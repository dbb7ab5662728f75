// The UDP half of the gate: each source address is a session with a socket of its own towards the target.
//
// Datagrams may be lost, delayed (jitter reorders them), corrupted, or paced; a cut silences a session after so many
// bytes. At most 4,096 datagrams wait in one direction of a session, more are lost, as in a full queue. A session
// ends after 60 s without a datagram.
#pragma once

#include "counters.hpp"
#include "faults.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include <cstdint>
#include <map>
#include <memory>

namespace longshore::gate {

class UdpSession;

class UdpGate {
public:
    // The references outlive the gate. Throws boost::system::system_error when the port cannot be had.
    UdpGate(boost::asio::io_context& context, boost::asio::ip::udp::endpoint listen,
            boost::asio::ip::udp::endpoint target, std::uint64_t seed, FaultBoard& board, Counters& counters);

    [[nodiscard]] boost::asio::ip::udp::endpoint address() const { return socket_.local_endpoint(); }
    void retarget(boost::asio::ip::udp::endpoint target) { target_ = std::move(target); }
    // Forgets every session: the target sees the next datagrams come from new ports. How many there were.
    std::size_t reset_all();

private:
    static boost::asio::awaitable<void> receive_loop(UdpGate& gate);
    static boost::asio::awaitable<void> expire_loop(UdpGate& gate);
    UdpSession* session_for(const boost::asio::ip::udp::endpoint& source);

    boost::asio::io_context& context_;
    boost::asio::ip::udp::socket socket_;
    boost::asio::ip::udp::endpoint target_;
    std::uint64_t seed_;
    FaultBoard& board_;
    Counters& counters_;
    std::map<boost::asio::ip::udp::endpoint, std::shared_ptr<UdpSession>> sessions_;
};

}  // namespace longshore::gate

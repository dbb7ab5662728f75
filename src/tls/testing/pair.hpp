// Two ends of a connection on loopback, in the calling loop: plain, or with TLS between them; and a loop to hold them.
//
// Errors: a failure to connect ends the test program; a failed handshake is in the end that saw it.
#pragma once

#include "net/tcp.hpp"
#include "net/testing/run.hpp"
#include "tls/client.hpp"
#include "tls/server.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace longshore::tls::testing {

// Runs tasks one after the other on one loop, so that streams made by one live on in the next.
class OneLoop {
public:
    template <class T>
    T run(Task<T> task) {
        net::Scope scope;
        std::optional<T> result;
        loop_.context().restart();
        boost::asio::post(loop_.context(), [&] { scope.start(net::testing::store(std::move(task), result, loop_)); });
        loop_.run();
        (void)loop_.poll();
        return std::move(*result);
    }

private:
    SystemClock clock_;
    net::Loop loop_{clock_};
};

struct TcpEnds {
    std::unique_ptr<net::TcpStream> server;
    std::unique_ptr<net::TcpStream> client;
};
[[nodiscard]] Task<TcpEnds> connected();

struct TlsEnds {
    Result<std::unique_ptr<TlsStream>> server;
    Result<std::unique_ptr<TlsStream>> client;
};
// Both handshakes, side by side, with ten seconds for them. What is passed by reference outlives the call.
[[nodiscard]] Task<TlsEnds> handshake(const ServerContext& server, const ClientContext& client, std::string server_name,
                                      std::vector<std::string> alpn = {});

}  // namespace longshore::tls::testing

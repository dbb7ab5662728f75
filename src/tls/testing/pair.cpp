#include "tls/testing/pair.hpp"

#include "net/dial.hpp"
#include "net/listener.hpp"
#include "net/scope.hpp"

namespace longshore::tls::testing {
namespace {

using Ended = Result<std::unique_ptr<TlsStream>>;

Deadline soon() { return net::Loop::current().now() + std::chrono::seconds{10}; }

Task<> serve(std::unique_ptr<net::TcpStream> transport, const ServerContext& context, Ended& into) {
    into = co_await accept(std::move(transport), context, soon());
}

}  // namespace

Task<TcpEnds> connected() {
    net::Resolver resolver;
    const auto listener = net::Listener::open(net::Loop::current(), {"127.0.0.1", 0, {}});
    auto client = co_await net::dial(resolver, "127.0.0.1", listener.value()->address().port, soon());
    auto server = co_await listener.value()->accept();
    co_return TcpEnds{std::move(server.value()), std::move(client.value())};
}

Task<TlsEnds> handshake(const ServerContext& server, const ClientContext& client, std::string server_name,
                        std::vector<std::string> alpn) {
    auto ends = co_await connected();
    TlsEnds made{Error{Errc::cancelled, {}}, Error{Errc::cancelled, {}}};
    net::Scope scope;
    scope.start(serve(std::move(ends.server), server, made.server));
    made.client = co_await connect(std::move(ends.client), client, std::move(server_name), std::move(alpn), soon());
    co_await scope.join();
    co_return made;
}

}  // namespace longshore::tls::testing

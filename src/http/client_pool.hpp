// Connections to origins, kept and shared: the Client that dials.
//
// A request goes to the origin its target names (scheme, host, port): over an open HTTP/2 session with room, an
// idle HTTP/1.1 connection, or a new connection while the origin has fewer than its limit; else it waits for one
// until its deadline. TLS origins choose the version by ALPN. A request on a kept connection that the peer had
// closed meanwhile is sent once more on a new one, when it is idempotent and its body untouched.
//
// A proxy carries http and https origins alike through a tunnel (CONNECT). `Egress::reach` is judged by the address
// that is dialled; behind a proxy, which resolves the name itself, by the host as it is written. Connections are
// shared only by requests that leave the same way.
//
// Ownership: `co_await close()` before destroying it; it ends what requests and responses are still on the way, and
//            responses may outlive it.
// Threads:   one loop; make one for each.
// Errors:    as net::dial, open_tunnel and tls::connect (Reached::nothing); overloaded when the waiting line is full.
#pragma once

#include "base/disk_pool.hpp"
#include "http/h1/client_connection.hpp"
#include "http/h2/session.hpp"
#include "http/message.hpp"
#include "http/proxy.hpp"
#include "net/dial.hpp"
#include "net/scope.hpp"
#include "net/suspension.hpp"
#include "net/wait.hpp"
#include "tls/client.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace longshore::http {

// How to reach one origin, where it differs from the rest.
struct OriginSettings {
    std::string dial_host;                          // connect there instead; empty: the origin's own host
    std::uint16_t dial_port = 0;                    // 0: the origin's own port
    std::shared_ptr<const tls::ClientContext> tls;  // null: the pool's
    bool http2 = true;                              // offered by ALPN
    bool prior_knowledge = false;                   // HTTP/2 without TLS
};

struct PoolOptions {
    SessionOptions session;
    std::chrono::nanoseconds connect_timeout = std::chrono::seconds{5};    // name, TCP and TLS together
    std::chrono::nanoseconds response_timeout = std::chrono::seconds{30};  // until the response head
    std::chrono::nanoseconds keep_idle = std::chrono::seconds{55};
    std::size_t connections_per_origin = 64;
    std::size_t waiting_per_origin = 1024;
    std::shared_ptr<const ProxyRules> proxies;  // for requests that bring none; null: no proxy
};

class ClientPool final : public Client {
public:
    struct Parts {
        net::Resolver& resolver;
        DiskPool& disk;
        std::shared_ptr<const tls::ClientContext> tls;
    };
    ClientPool(Parts parts, PoolOptions options);
    ClientPool(const ClientPool&) = delete;
    ClientPool& operator=(const ClientPool&) = delete;
    ~ClientPool() override;

    // Timeouts and limits for new requests and connections.
    void set(PoolOptions options) { options_ = options; }
    // For the origin of `target`, from its next connection on.
    void configure(const Target& target, OriginSettings settings);
    [[nodiscard]] Task<Sent> send(Request& request) override;
    // Ends every connection, and waits for what runs on them and for the calls of `send`.
    [[nodiscard]] Task<> close();

private:
    struct Origin;
    struct Lease;
    struct Dialled;
    using Leased = boost::system::result<Lease, SendError>;

    static constexpr std::size_t k_most_origins = 4096;  // known; unused ones make room

    [[nodiscard]] const Proxy* proxy_for(const Request& request) const;
    [[nodiscard]] Origin& origin_of(const Request& request);
    enum class Kept : bool { never, allowed };
    // Nothing: a kept connection was used that the peer had closed, and the request may be sent again.
    [[nodiscard]] Task<std::optional<Sent>> send_on(Origin& origin, Request& request, Kept kept);
    [[nodiscard]] Task<Leased> lease(Origin& origin, const Request& request, Kept kept);
    [[nodiscard]] Task<Leased> connect(Origin& origin, const Request& request);
    [[nodiscard]] Task<boost::system::result<Dialled, SendError>> dial(Origin& origin, const Request& request);
    void keep(Origin& origin, std::shared_ptr<h1::ClientConnection> connection, bool from_public, bool reusable);
    [[nodiscard]] static Task<> run_session(Origin& origin, std::shared_ptr<h2::Session> session);

    Parts parts_;
    PoolOptions options_;
    net::Scope scope_;
    std::size_t sending_ = 0;
    net::Suspension sent_;  // close() waits for the last of them
    std::unordered_map<std::string, std::shared_ptr<const OriginSettings>> settings_;  // by scheme and authority
    std::unordered_map<std::string, std::unique_ptr<Origin>> origins_;                 // and by the way to them
};

}  // namespace longshore::http

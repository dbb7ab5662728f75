#include "http/client_pool.hpp"

#include "http/proxy_tunnel.hpp"
#include "net/loop.hpp"

#include <algorithm>

namespace longshore::http {
namespace {

bool is_idempotent(const Method& method) {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE" ||
           method == "TRACE";
}

std::string name_of(const Target& target) { return target.scheme + "://" + target.authority.to_string(); }

std::string key_of(const Target& target, net::Reach reach, const Proxy* proxy) {
    auto key = name_of(target);
    if (reach == net::Reach::public_only) key.append(" public");
    if (proxy != nullptr) key.append(" ").append(proxy->to_string()).append(" ").append(proxy->authorization);
    return key;
}

SendError unsent(Errc code, std::string where) { return {{code, std::move(where)}, Reached::nothing, false}; }

}  // namespace

struct ClientPool::Origin {
    // A kept connection; closes itself when it has been idle for long.
    struct Idle final : net::Timer {
        Idle(Origin& owner, std::shared_ptr<h1::ClientConnection> kept, bool is_public)
            : origin(owner), connection(std::move(kept)), from_public(is_public) {}
        void fire() noexcept override { origin.forget(*this); }
        Origin& origin;
        std::shared_ptr<h1::ClientConnection> connection;
        bool from_public;
    };
    struct Shared {
        std::shared_ptr<h2::Session> session;
        bool from_public;
    };
    void forget(const Idle& idle) {
        --open;
        std::erase_if(kept, [&idle](const auto& entry) { return entry.get() == &idle; });
        changed.notify();
    }

    [[nodiscard]] bool unused() const noexcept { return senders == 0 && open == 0 && dialling == 0; }

    Target target;
    net::Reach reach = net::Reach::anywhere;
    std::optional<Proxy> proxy;
    std::size_t senders = 0;
    std::vector<std::unique_ptr<Idle>> kept;
    std::vector<std::weak_ptr<h1::ClientConnection>> http1;  // every connection there is, and some that are gone
    std::vector<Shared> sessions;
    std::size_t open = 0;  // connections of both kinds, those being dialled included
    std::size_t dialling = 0;
    std::size_t waiting = 0;
    bool speaks_http2 = false;
    net::Event changed;
};

struct ClientPool::Lease {
    std::shared_ptr<h1::ClientConnection> http1;
    std::shared_ptr<h2::Session> http2;
    bool from_public = true;
};

struct ClientPool::Dialled {
    std::unique_ptr<net::ByteStream> stream;
    std::string protocol;
    bool from_public = true;
};

ClientPool::ClientPool(Parts parts, PoolOptions options) : parts_(std::move(parts)), options_(options) {}
ClientPool::~ClientPool() = default;

const Proxy* ClientPool::proxy_for(const Request& request) const {
    const auto& rules = request.egress.proxies ? request.egress.proxies : options_.proxies;
    return rules ? rules->for_target(request.target) : nullptr;
}

ClientPool::Origin& ClientPool::origin_of(const Request& request) {
    const auto* const proxy = proxy_for(request);
    auto key = key_of(request.target, request.egress.reach, proxy);
    if (const auto known = origins_.find(key); known != origins_.end()) return *known->second;
    if (origins_.size() >= k_most_origins) {
        std::erase_if(origins_, [](const auto& entry) { return entry.second->unused(); });
    }
    auto& slot = origins_[std::move(key)];
    slot = std::make_unique<Origin>();
    slot->target.scheme = request.target.scheme;
    slot->target.authority = request.target.authority;
    slot->reach = request.egress.reach;
    if (proxy != nullptr) slot->proxy = *proxy;
    return *slot;
}

void ClientPool::configure(const Target& target, OriginSettings settings) {
    settings_[name_of(target)] = std::make_shared<const OriginSettings>(std::move(settings));
}

Task<Sent> ClientPool::send(Request& request) {
    request.deadline = std::min(request.deadline, after(net::Loop::current().now(), options_.response_timeout));
    auto& origin = origin_of(request);
    ++sending_;
    ++origin.senders;
    auto sent = co_await send_on(origin, request, Kept::allowed);
    if (!sent) sent = co_await send_on(origin, request, Kept::never);
    --origin.senders;
    if (--sending_ == 0) sent_.wake();
    co_return std::move(*sent);
}

Task<std::optional<Sent>> ClientPool::send_on(Origin& origin, Request& request, Kept kept) {
    auto leased = co_await lease(origin, request, kept);
    if (!leased) co_return leased.error();
    if (leased->http2) {
        auto sent = co_await leased->http2->send(request);
        if (sent) sent->from_public = leased->from_public;
        co_return sent;
    }
    const auto connection = leased->http1;
    auto sent = co_await connection->exchange(request);
    if (sent) sent->from_public = leased->from_public;
    const bool again = !sent && connection->went_stale() && sent.error().error.code == Errc::peer_closed &&
                       is_idempotent(request.method) && !request.body.touched;
    if (again && kept == Kept::allowed) co_return std::nullopt;
    co_return sent;
}

Task<ClientPool::Leased> ClientPool::lease(Origin& origin, const Request& request, Kept kept) {
    const bool upgrade = request.upgrade != Upgrade::none;
    for (;;) {
        if (scope_.cancelled()) co_return unsent(Errc::cancelled, "the connection pool is closed");
        if (kept == Kept::allowed && !upgrade) {
            for (const auto& shared : origin.sessions) {
                if (shared.session->accepts()) co_return Lease{nullptr, shared.session, shared.from_public};
            }
        }
        if (kept == Kept::allowed && !origin.kept.empty()) {
            const auto idle = std::move(origin.kept.back());
            origin.kept.pop_back();
            co_return Lease{std::move(idle->connection), nullptr, idle->from_public};
        }
        const bool join_dial = origin.speaks_http2 && origin.dialling != 0 && !upgrade;
        if (!join_dial && origin.open < options_.connections_per_origin) {
            auto connected = co_await connect(origin, request);
            co_return connected;
        }
        if (origin.waiting >= options_.waiting_per_origin) {
            co_return unsent(Errc::overloaded, "too many requests wait for " + origin.target.authority.to_string());
        }
        ++origin.waiting;
        auto waited = co_await origin.changed.wait(request.deadline);
        --origin.waiting;
        if (!waited)
            co_return unsent(waited.error().code, "waiting for a connection to " + origin.target.authority.to_string());
    }
}

Task<ClientPool::Leased> ClientPool::connect(Origin& origin, const Request& request) {
    ++origin.open;
    ++origin.dialling;
    auto dialled = co_await dial(origin, request);
    --origin.dialling;
    origin.changed.notify();
    if (!dialled) {
        --origin.open;
        co_return dialled.error();
    }
    if (scope_.cancelled()) co_return unsent(Errc::cancelled, "the connection pool is closed");
    const bool from_public = dialled->from_public;
    if (dialled->protocol == "h2") {
        origin.speaks_http2 = true;
        auto session = h2::Session::client(std::move(dialled->stream), options_.session, parts_.disk);
        origin.sessions.push_back({session, from_public});
        scope_.start(run_session(origin, session));
        co_return Lease{nullptr, std::move(session), from_public};
    }
    auto connection = std::make_shared<h1::ClientConnection>(std::move(dialled->stream), options_.session, scope_);
    connection->on_end = [this, &origin, from_public, weak = std::weak_ptr{connection}](bool reusable) {
        keep(origin, weak.lock(), from_public, reusable);
    };
    std::erase_if(origin.http1, [](const auto& known) { return known.expired(); });
    origin.http1.push_back(connection);
    co_return Lease{std::move(connection), nullptr, from_public};
}

namespace {

struct Transport {
    std::unique_ptr<net::TcpStream> stream;
    bool from_public;
};
using Reaching = boost::system::result<Transport, SendError>;

Task<Reaching> reach_directly(net::Resolver& resolver, std::string host, std::uint16_t port, net::Reach reach,
                              Deadline deadline) {
    auto stream = co_await net::dial(resolver, std::move(host), port, deadline, reach);
    if (!stream) {
        const bool forbidden = reach == net::Reach::public_only && stream.error().code == Errc::denied;
        co_return SendError{stream.error(), Reached::nothing, forbidden};
    }
    const bool from_public = (*stream)->peer_is_public();
    co_return Transport{std::move(*stream), from_public};
}

// The proxy is where the operator says; what lies behind it can only be judged by its name.
Task<Reaching> reach_by_proxy(net::Resolver& resolver, Proxy proxy, Authority to, net::Reach reach, Deadline deadline) {
    const bool may_be_public = net::may_be_public(to.host);
    if (reach == net::Reach::public_only && !may_be_public) {
        auto error = Error{Errc::denied, "connecting " + to.to_string() + ": not a public address"};
        co_return SendError{std::move(error), Reached::nothing, true};
    }
    auto stream = co_await net::dial(resolver, proxy.authority.host, proxy.authority.port, deadline);
    if (!stream) co_return unsent(stream.error().code, "proxy " + proxy.to_string() + ": " + stream.error().where);
    auto opened = co_await open_tunnel(**stream, std::move(proxy), std::move(to), deadline);
    if (!opened) co_return SendError{opened.error()};
    co_return Transport{std::move(*stream), may_be_public};
}

}  // namespace

Task<boost::system::result<ClientPool::Dialled, SendError>> ClientPool::dial(Origin& origin, const Request& request) {
    static const auto k_ordinary = std::make_shared<const OriginSettings>();
    const auto configured = settings_.find(name_of(origin.target));
    const auto settings = configured == settings_.end() ? k_ordinary : configured->second;
    const auto deadline = std::min(request.deadline, after(net::Loop::current().now(), options_.connect_timeout));
    const auto host = settings->dial_host.empty() ? origin.target.authority.host : settings->dial_host;
    const auto port = settings->dial_port == 0 ? origin.target.port() : settings->dial_port;
    auto reaching = origin.proxy ? reach_by_proxy(parts_.resolver, *origin.proxy, {host, port}, origin.reach, deadline)
                                 : reach_directly(parts_.resolver, host, port, origin.reach, deadline);
    auto reached = co_await std::move(reaching);
    if (!reached) co_return reached.error();
    if (origin.target.scheme != "https") {
        const bool h2 = settings->prior_knowledge && request.upgrade == Upgrade::none;
        co_return Dialled{std::move(reached->stream), h2 ? "h2" : "http/1.1", reached->from_public};
    }
    std::vector<std::string> alpn;
    if (settings->http2 && request.upgrade == Upgrade::none) alpn.emplace_back("h2");
    alpn.emplace_back("http/1.1");
    const auto context = settings->tls ? settings->tls : parts_.tls;
    if (!context) {
        co_return unsent(Errc::denied, "no certificate authorities to trust for " +
                                           origin.target.authority.to_string() +
                                           "; install ca-certificates or name a CA file");
    }
    auto secure = co_await tls::connect(std::move(reached->stream), *context, origin.target.authority.host,
                                        std::move(alpn), deadline);
    if (!secure) co_return SendError{secure.error()};
    auto protocol = (*secure)->alpn();
    co_return Dialled{std::move(*secure), std::move(protocol), reached->from_public};
}

void ClientPool::keep(Origin& origin, std::shared_ptr<h1::ClientConnection> connection, bool from_public,
                      bool reusable) {
    if (!reusable || !connection || scope_.cancelled()) {
        --origin.open;
        origin.changed.notify();
        return;
    }
    auto& loop = net::Loop::current();
    auto& idle = origin.kept.emplace_back(std::make_unique<Origin::Idle>(origin, std::move(connection), from_public));
    loop.timers().arm(*idle, after(loop.now(), options_.keep_idle));
    origin.changed.notify();
}

Task<> ClientPool::run_session(Origin& origin, std::shared_ptr<h2::Session> session) {
    co_await session->run();
    std::erase_if(origin.sessions, [&session](const auto& shared) { return shared.session == session; });
    --origin.open;
    origin.changed.notify();
}

Task<> ClientPool::close() {
    scope_.cancel();
    for (const auto& [name, origin] : origins_) {
        origin->open -= origin->kept.size();
        origin->kept.clear();
        for (const auto& known : origin->http1) {
            const auto connection = known.lock();
            if (!connection) continue;
            connection->on_end = {};
            connection->abort(Errc::cancelled);
        }
        origin->changed.notify();
    }
    while (sending_ != 0) co_await sent_.wait_uncancelled();
    co_await scope_.join();
}

}  // namespace longshore::http

#include "http/client_pool.hpp"

#include "net/loop.hpp"

#include <algorithm>

namespace longshore::http {
namespace {

bool is_idempotent(const Method& method) {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE" ||
           method == "TRACE";
}

}  // namespace

struct ClientPool::Origin {
    // A kept connection; closes itself when it has been idle for long.
    struct Idle final : net::Timer {
        Idle(Origin& owner, std::shared_ptr<h1::ClientConnection> kept) : origin(owner), connection(std::move(kept)) {}
        void fire() noexcept override { origin.forget(*this); }
        Origin& origin;
        std::shared_ptr<h1::ClientConnection> connection;
    };
    void forget(const Idle& idle) {
        --open;
        std::erase_if(kept, [&idle](const auto& entry) { return entry.get() == &idle; });
        changed.notify();
    }

    Target target;
    OriginSettings settings;
    std::vector<std::unique_ptr<Idle>> kept;
    std::vector<std::weak_ptr<h1::ClientConnection>> http1;  // every connection there is, and some that are gone
    std::vector<std::shared_ptr<h2::Session>> sessions;
    std::size_t open = 0;  // connections of both kinds, those being dialled included
    std::size_t dialling = 0;
    std::size_t waiting = 0;
    bool speaks_http2 = false;
    net::Event changed;
};

struct ClientPool::Lease {
    std::shared_ptr<h1::ClientConnection> http1;
    std::shared_ptr<h2::Session> http2;
};

ClientPool::ClientPool(Parts parts, PoolOptions options) : parts_(std::move(parts)), options_(options) {}
ClientPool::~ClientPool() = default;

ClientPool::Origin& ClientPool::origin_of(const Target& target) {
    auto& slot = origins_[target.scheme + "://" + target.authority.to_string()];
    if (!slot) {
        slot = std::make_unique<Origin>();
        slot->target.scheme = target.scheme;
        slot->target.authority = target.authority;
    }
    return *slot;
}

void ClientPool::configure(const Target& target, OriginSettings settings) {
    origin_of(target).settings = std::move(settings);
}

Task<Sent> ClientPool::send(Request& request) {
    request.deadline = std::min(request.deadline, after(net::Loop::current().now(), options_.response_timeout));
    auto& origin = origin_of(request.target);
    ++sending_;
    auto sent = co_await send_on(origin, request, Kept::allowed);
    if (!sent) sent = co_await send_on(origin, request, Kept::never);
    if (--sending_ == 0) sent_.wake();
    co_return std::move(*sent);
}

Task<std::optional<Sent>> ClientPool::send_on(Origin& origin, Request& request, Kept kept) {
    auto leased = co_await lease(origin, request, kept);
    if (!leased) co_return SendError{leased.error(), Reached::nothing};
    if (leased->http2) {
        auto sent = co_await leased->http2->send(request);
        co_return sent;
    }
    const auto connection = leased->http1;
    auto sent = co_await connection->exchange(request);
    const bool again = !sent && connection->went_stale() && sent.error().error.code == Errc::peer_closed &&
                       is_idempotent(request.method) && !request.body.touched;
    if (again && kept == Kept::allowed) co_return std::nullopt;
    co_return sent;
}

Task<Result<ClientPool::Lease>> ClientPool::lease(Origin& origin, const Request& request, Kept kept) {
    const bool upgrade = request.upgrade != Upgrade::none;
    for (;;) {
        if (scope_.cancelled()) co_return Error{Errc::cancelled, "the connection pool is closed"};
        if (kept == Kept::allowed && !upgrade) {
            for (const auto& session : origin.sessions) {
                if (session->accepts()) co_return Lease{nullptr, session};
            }
        }
        if (kept == Kept::allowed && !origin.kept.empty()) {
            auto connection = std::move(origin.kept.back()->connection);
            origin.kept.pop_back();
            co_return Lease{std::move(connection), nullptr};
        }
        const bool join_dial = origin.speaks_http2 && origin.dialling != 0 && !upgrade;
        if (!join_dial && origin.open < options_.connections_per_origin) {
            auto connected = co_await connect(origin, request);
            co_return connected;
        }
        if (origin.waiting >= options_.waiting_per_origin) {
            co_return Error{Errc::overloaded, "too many requests wait for " + origin.target.authority.to_string()};
        }
        ++origin.waiting;
        auto waited = co_await origin.changed.wait(request.deadline);
        --origin.waiting;
        if (!waited)
            co_return Error{waited.error().code, "waiting for a connection to " + origin.target.authority.to_string()};
    }
}

Task<Result<ClientPool::Lease>> ClientPool::connect(Origin& origin, const Request& request) {
    ++origin.open;
    ++origin.dialling;
    std::string protocol;
    auto stream = co_await dial(origin, request, protocol);
    --origin.dialling;
    origin.changed.notify();
    if (!stream) {
        --origin.open;
        co_return stream.error();
    }
    if (scope_.cancelled()) co_return Error{Errc::cancelled, "the connection pool is closed"};
    if (protocol == "h2") {
        origin.speaks_http2 = true;
        auto session = h2::Session::client(std::move(*stream), options_.session, parts_.disk);
        origin.sessions.push_back(session);
        scope_.start(run_session(origin, session));
        co_return Lease{nullptr, std::move(session)};
    }
    auto connection = std::make_shared<h1::ClientConnection>(std::move(*stream), options_.session, scope_);
    connection->on_end = [this, &origin, weak = std::weak_ptr{connection}](bool reusable) {
        keep(origin, weak.lock(), reusable);
    };
    std::erase_if(origin.http1, [](const auto& known) { return known.expired(); });
    origin.http1.push_back(connection);
    co_return Lease{std::move(connection), nullptr};
}

Task<Result<std::unique_ptr<net::ByteStream>>> ClientPool::dial(Origin& origin, const Request& request,
                                                                std::string& protocol) {
    const auto& settings = origin.settings;
    const auto deadline = std::min(request.deadline, after(net::Loop::current().now(), options_.connect_timeout));
    const auto host = settings.dial_host.empty() ? origin.target.authority.host : settings.dial_host;
    const auto port = settings.dial_port == 0 ? origin.target.port() : settings.dial_port;
    auto tcp = co_await net::dial(parts_.resolver, host, port, deadline);
    if (!tcp) co_return tcp.error();
    if (origin.target.scheme != "https") {
        protocol = settings.prior_knowledge && request.upgrade == Upgrade::none ? "h2" : "http/1.1";
        co_return std::move(*tcp);
    }
    std::vector<std::string> alpn;
    if (settings.http2 && request.upgrade == Upgrade::none) alpn.emplace_back("h2");
    alpn.emplace_back("http/1.1");
    const auto context = settings.tls ? settings.tls : parts_.tls;
    if (!context) {
        co_return Error{Errc::denied, "no certificate authorities to trust for " + origin.target.authority.to_string() +
                                          "; install ca-certificates or name a CA file"};
    }
    auto secure =
        co_await tls::connect(std::move(*tcp), *context, origin.target.authority.host, std::move(alpn), deadline);
    if (!secure) co_return secure.error();
    protocol = (*secure)->alpn();
    co_return std::move(*secure);
}

void ClientPool::keep(Origin& origin, std::shared_ptr<h1::ClientConnection> connection, bool reusable) {
    if (!reusable || !connection || scope_.cancelled()) {
        --origin.open;
        origin.changed.notify();
        return;
    }
    auto& loop = net::Loop::current();
    auto& idle = origin.kept.emplace_back(std::make_unique<Origin::Idle>(origin, std::move(connection)));
    loop.timers().arm(*idle, after(loop.now(), options_.keep_idle));
    origin.changed.notify();
}

Task<> ClientPool::run_session(Origin& origin, std::shared_ptr<h2::Session> session) {
    co_await session->run();
    std::erase(origin.sessions, session);
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

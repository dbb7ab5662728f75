#include "http/server.hpp"

#include "base/digest.hpp"
#include "http/h1/server_session.hpp"
#include "http/h2/session.hpp"
#include "net/loop.hpp"
#include "net/wait.hpp"

#include <algorithm>
#include <array>

namespace longshore::http {
namespace {

constexpr std::string_view k_http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 §3.4

constexpr std::chrono::milliseconds k_accept_pause{20};
constexpr std::size_t k_looked_at = 64;
constexpr std::size_t k_closed_at_once = 16;
constexpr std::size_t k_accepts_in_a_turn = 16;  // then the loop's connections have theirs
constexpr std::size_t k_client_id_digits = 16;

constexpr std::size_t k_telling = 4;  // "PRI ": no HTTP/1 method

// Whether the first bytes of a connection are HTTP/2's preface: its first line cannot start an HTTP/1 request.
bool is_http2(std::string_view start) {
    const auto size = std::min(start.size(), k_http2_preface.size());
    return size >= k_telling && start.substr(0, size) == k_http2_preface.substr(0, size);
}

void show_client(Connection& connection, const tls::TlsStream& secure) {
    connection.client_certificate = secure.peer_certificate();
    if (connection.client_certificate.empty()) return;
    connection.client_subject = secure.peer_subject();
    const auto digest = Digest::sha256_of(std::as_bytes(std::span{connection.client_certificate}));
    connection.client_id = digest.hex().substr(0, k_client_id_digits);
}

// Reads until the version can be told. Empty when the client has left or said nothing in time.
Task<net::Chunk> read_start(net::TcpStream& stream, const SessionOptions& options) {
    auto& loop = net::Loop::current();
    const auto deadline = after(loop.now(), options.header_timeout);
    auto start = co_await stream.read(net::SlabPool::k_small, deadline);
    if (!start) co_return net::Chunk{};
    while (!start->empty() && start->size() < k_telling && k_http2_preface.starts_with(start->text())) {
        auto more = co_await stream.read(net::SlabPool::k_small, deadline);
        if (!more || more->empty()) co_return net::Chunk{};
        start = net::Chunk::of(std::string{start->text()}.append(more->text()));
    }
    co_return std::move(*start);
}

}  // namespace

void Server::listen(std::unique_ptr<net::Listener> listener, const tls::ServerContext* tls) {
    auto& opened = *listeners_.emplace_back(std::move(listener));
    scope_.start(accept_all(*this, opened, tls));
}

void Server::drain(std::chrono::nanoseconds quiet) noexcept {
    draining_ = true;
    quiet_ = quiet;
    loop_.timers().arm(*this, after(loop_.now(), quiet));
    for (const auto& listener : listeners_) listener->close();
    const auto sessions = sessions_;
    for (Session* const session : sessions) session->drain(quiet);
}

void Server::fire() noexcept {
    for (net::TcpStream* const stream : silent_) stream->abort(Errc::cancelled);
}

std::size_t Server::farewell() noexcept {
    const auto sessions = sessions_;
    std::size_t told = 0;
    for (Session* const session : sessions) told += session->farewell();
    return told;
}

Task<> Server::join() {
    co_await scope_.join();
    disarm();
    listeners_.clear();
}

Task<> Server::accept_all(Server& server, net::Listener& listener, const tls::ServerContext* tls) {
    for (std::size_t count = 1;; ++count) {
        auto stream = co_await listener.accept();
        if (!stream && stream.error().code == Errc::overloaded) {
            const bool again = co_await server.pause(Load::Pause::descriptors);
            if (again) continue;
        }
        if (!stream) co_return;
        auto room = co_await server.make_room();
        if (!room) co_return;
        server.admit(std::move(*stream), tls, std::move(*room));
        if (count % k_accepts_in_a_turn == 0) co_await net::yield();
    }
}

// A connection that finds no place for its handshake ends here, with a reset.
void Server::admit(std::unique_ptr<net::TcpStream> stream, const tls::ServerContext* tls, Load::Place room) {
    auto handshake = tls != nullptr ? handshakes_.admit(*stream, loop_.now()) : nullptr;
    if (tls != nullptr && handshake == nullptr) return;
    scope_.start(serve(*this, std::move(stream), tls, std::move(room), std::move(handshake)));
}

// While one connection waits here, those behind it wait in the kernel's queue. Nothing: the server was cancelled.
Task<std::optional<Load::Place>> Server::make_room() {
    for (;;) {
        if (auto place = parts_.load.connection()) co_return place;
        const bool again = co_await pause(parts_.load.reason());
        if (!again) co_return std::nullopt;
    }
}

Task<bool> Server::pause(Load::Pause why) {
    parts_.load.paused(why);
    close_idlest();
    const auto woken = co_await net::sleep(after(loop_.now(), k_accept_pause));
    co_return woken.code != Errc::cancelled;
}

// Of some sessions, others each time, so that the cost does not grow with their number.
void Server::close_idlest() noexcept {
    struct Idle {
        Deadline since;
        Session* session;
    };
    std::array<Idle, k_looked_at> idle;
    std::size_t count = 0;
    for (std::size_t i = 0; i < std::min(k_looked_at, sessions_.size()); ++i) {
        auto* const session = sessions_[looked_at_++ % sessions_.size()];
        if (const auto since = session->idle_since()) idle[count++] = {*since, session};
    }
    const auto found = std::span{idle}.first(count);
    std::ranges::sort(found, {}, &Idle::since);
    for (const auto& one : found.first(std::min(count, k_closed_at_once))) one.session->close_idle();
}

Task<> Server::serve(Server& server, std::unique_ptr<net::TcpStream> stream, const tls::ServerContext* tls,
                     [[maybe_unused]] Load::Place room, Handshake handshake) {
    if (tls != nullptr) {
        co_await server.serve_secure(std::move(stream), *tls, std::move(handshake));
    } else {
        co_await server.serve_clear(std::move(stream));
    }
}

ServerEnd Server::end_for(const net::TcpStream& stream) const {
    auto connection = std::make_shared<Connection>();
    connection->peer = stream.peer();
    connection->local = stream.local();
    return {&parts_.handler, &parts_.load, parts_.log, &parts_.options, std::move(connection), parts_.metrics, {}};
}

Task<> Server::serve_secure(std::unique_ptr<net::TcpStream> stream, const tls::ServerContext& tls,
                            Handshake handshake) {
    auto end = end_for(*stream);
    auto accepted = co_await tls::accept(std::move(stream), tls, std::move(handshake));
    if (!accepted) co_return;
    auto& secure = **accepted;
    auto connection = std::make_shared<Connection>(*end.connection);
    connection->secure = true;
    connection->server_name = secure.server_name();
    show_client(*connection, secure);
    const bool http2 = secure.alpn() == "h2";
    connection->version = http2 ? Version::http2 : Version::http1_1;
    end.connection = std::move(connection);
    end.covers = [identity = secure.facts().identity](std::string_view host) {
        return !identity || identity->covers(host);
    };
    std::shared_ptr<Session> session;
    if (http2) {
        session = h2::Session::server(std::move(*accepted), {}, std::move(end), parts_.disk);
    } else {
        session = h1::serve(std::move(*accepted), {}, std::move(end));
    }
    co_await run(std::move(session));
}

Task<> Server::serve_clear(std::unique_ptr<net::TcpStream> stream) {
    auto end = end_for(*stream);
    silent_.push_back(stream.get());
    if (draining_ && !armed()) loop_.timers().arm(*this, after(loop_.now(), quiet_));
    auto start = co_await read_start(*stream, parts_.options);
    std::erase(silent_, stream.get());
    if (start.empty()) co_return;
    std::shared_ptr<Session> session;
    if (is_http2(start.text())) {
        auto connection = std::make_shared<Connection>(*end.connection);
        connection->version = Version::http2;
        end.connection = std::move(connection);
        session = h2::Session::server(std::move(stream), std::move(start), std::move(end), parts_.disk);
    } else {
        session = h1::serve(std::move(stream), std::move(start), std::move(end));
    }
    co_await run(std::move(session));
}

Task<> Server::run(std::shared_ptr<Session> session) {
    sessions_.push_back(session.get());
    if (draining_) session->drain(quiet_);
    co_await session->run();
    std::erase(sessions_, session.get());
}

}  // namespace longshore::http

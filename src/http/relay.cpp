#include "http/relay.hpp"

#include "net/loop.hpp"

namespace longshore::http {
namespace {

constexpr std::size_t k_piece = 64 * 1024;  // bytes read at a time
constexpr std::chrono::seconds k_parting_time{2};

void follow_all(WebSocketFrames& frames, std::span<const std::byte> bytes) {
    while (!bytes.empty()) bytes = bytes.subspan(frames.follow(bytes));
}

}  // namespace

Task<> Relay::run() {
    scope_.start(from_client(*this));
    scope_.start(from_origin(*this), origin_leash_);
    co_await scope_.join();
}

bool Relay::farewell() noexcept {
    if (!websocket_ || leaving_ || origin_frames_.closed()) return false;
    leaving_ = true;
    if (reading_ && origin_frames_.at_border()) {
        origin_leash_.cancel();
        scope_.start(part(*this));
    }
    return true;
}

Task<> Relay::from_client(Relay& self) {
    for (;;) {
        auto chunk = co_await self.client_.read(k_piece, Deadline::max());
        if (!chunk) {
            self.abort(chunk.error().code);
            break;
        }
        if (self.websocket_) follow_all(self.client_frames_, chunk->bytes);
        if (chunk->empty()) {
            co_await self.end(self.origin_);
            break;
        }
        auto wrote = co_await self.origin_.write(std::move(*chunk), Deadline::max());
        if (!wrote) {
            self.abort(wrote.error().code);
            break;
        }
        if (self.client_frames_.closed()) self.answered_.notify();
    }
    self.client_over_ = true;
    self.answered_.notify();
}

Task<> Relay::from_origin(Relay& self) {
    while (!self.leaving_ || !self.origin_frames_.at_border()) {
        self.reading_ = true;
        auto chunk = co_await self.origin_.read(k_piece, Deadline::max());
        self.reading_ = false;
        if (self.parting_) co_return;
        if (!chunk) {
            self.abort(chunk.error().code);
            co_return;
        }
        if (chunk->empty()) {
            co_await self.end(self.client_);
            co_return;
        }
        auto piece = std::move(*chunk);
        if (self.leaving_) {
            piece = piece.first(self.origin_frames_.follow(piece.bytes));
        } else if (self.websocket_) {
            follow_all(self.origin_frames_, piece.bytes);
        }
        self.sent_ += piece.size();
        auto wrote = co_await self.client_.write(std::move(piece), Deadline::max());
        if (!wrote) {
            self.abort(wrote.error().code);
            co_return;
        }
    }
    co_await part(self);
}

// The close frame, then the client's: only after both may the connection be closed.
Task<> Relay::part(Relay& self) {
    self.parting_ = true;
    const auto deadline = net::Loop::current().now() + k_parting_time;
    if (!self.origin_frames_.closed()) {
        auto goodbye = net::Chunk{nullptr, k_going_away};
        auto told = co_await self.client_.write(std::move(goodbye), deadline);
        if (!told) {
            self.abort(told.error().code);
            co_return;
        }
        self.sent_ += k_going_away.size();
    }
    Result<> waited;
    while (waited && !self.client_frames_.closed() && !self.client_over_)
        waited = co_await self.answered_.wait(deadline);
    (void)co_await self.client_.finish(deadline);
    while (waited && !self.client_over_) waited = co_await self.answered_.wait(deadline);
    self.abort(Errc::peer_closed);
}

Task<> Relay::end(net::ByteStream& to) {
    auto finished = co_await to.finish(Deadline::max());
    if (!finished || !to.half_closes()) abort(Errc::peer_closed);
}

void Relay::abort(Errc reason) noexcept {
    client_.abort(reason);
    origin_.abort(reason);
}

}  // namespace longshore::http

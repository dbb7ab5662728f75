#include "http/relay.hpp"

#include "net/scope.hpp"

namespace longshore::http {
namespace {

constexpr std::size_t k_piece = 64 * 1024;  // bytes read at a time

struct Ends {
    net::ByteStream& a;
    net::ByteStream& b;
    void abort(Errc reason) {
        a.abort(reason);
        b.abort(reason);
    }
};

Task<> copy(net::ByteStream& from, net::ByteStream& to, std::uint64_t& bytes, Ends ends) {
    for (;;) {
        auto chunk = co_await from.read(k_piece, Deadline::max());
        if (!chunk) {
            ends.abort(chunk.error().code);
            co_return;
        }
        if (chunk->empty()) break;
        bytes += chunk->size();
        auto wrote = co_await to.write(std::move(*chunk), Deadline::max());
        if (!wrote) {
            ends.abort(wrote.error().code);
            co_return;
        }
    }
    auto finished = co_await to.finish(Deadline::max());
    if (!finished || !to.half_closes()) ends.abort(Errc::peer_closed);
}

}  // namespace

Task<Relayed> relay(net::ByteStream& a, net::ByteStream& b) {
    Relayed moved;
    net::Scope scope;
    scope.start(copy(a, b, moved.a_to_b, {a, b}));
    scope.start(copy(b, a, moved.b_to_a, {a, b}));
    co_await scope.join();
    co_return moved;
}

}  // namespace longshore::http

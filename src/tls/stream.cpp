#include "tls/stream.hpp"

#include "tls/names.hpp"
#include "tls/openssl.hpp"

#include <openssl/err.h>

#include <cerrno>
#include <climits>

namespace longshore::tls {
namespace {

constexpr std::size_t k_record = 16 * 1024;              // bytes of payload in a full record
constexpr std::size_t k_read = net::SlabPool::k_medium;  // bytes of a file at once: what a stalled reader pins
constexpr std::uint64_t k_turn = 1024 * 1024;            // bytes to a fast reader before the loop's others have a turn
constexpr std::uint64_t k_sendfile_slice = 1024 * 1024;  // bytes per call: the loop stays fair

Error shorter() { return {Errc::corrupt, "a file being sent is shorter than it was"}; }

// Record buffers that OpenSSL gives back and takes again between the records of a large body are cold memory each
// time: a tenth of its cost. They go with the last record (SSL_free_buffers would take a half-read one too).
void keep_buffers(SSL& ssl, bool keep) {
    if (keep) {
        SSL_clear_mode(&ssl, SSL_MODE_RELEASE_BUFFERS);
    } else {
        SSL_set_mode(&ssl, SSL_MODE_RELEASE_BUFFERS);
    }
}

template <class Call>
int attempt(Call call) {
    ERR_clear_error();
    errno = 0;
    return static_cast<int>(call());
}

}  // namespace

void TlsStream::Free::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

TlsStream::TlsStream(std::unique_ptr<net::TcpStream> transport, Session session, Facts facts, DiskPool& disk)
    : transport_(std::move(transport)),
      session_(std::move(session)),
      facts_(std::move(facts)),
      disk_(disk),
      server_(SSL_is_server(session_.get()) == 1) {}

TlsStream::~TlsStream() = default;

void TlsStream::abort(Errc reason) noexcept {
    if (!aborted_) aborted_ = reason;
    transport_->abort(reason);
}

std::optional<Error> TlsStream::given_up() const {
    // The descriptor's number may belong to another connection by now: OpenSSL must not touch it again.
    if (!aborted_) return std::nullopt;
    return Error{*aborted_, "connection to " + transport_->peer() + " was given up"};
}

TlsStream::Stall TlsStream::stalled(int outcome, std::string_view doing) {
    const int number = errno;
    switch (SSL_get_error(session_.get(), outcome)) {
        case SSL_ERROR_WANT_READ:
            return {Direction::readable, {}};
        case SSL_ERROR_WANT_WRITE:
            return {Direction::writable, {}};
        default:
            return {std::nullopt, failure_of(*session_, outcome, number, doing, transport_->peer())};
    }
}

Task<Result<>> TlsStream::wait(Direction direction, Deadline deadline) {
    Gate& gate = direction == Direction::readable ? readable_ : writable_;
    if (gate.taken) {
        auto freed = co_await gate.free.wait(deadline);
        co_return freed;
    }
    gate.taken = true;
    auto ready = direction == Direction::readable ? co_await transport_->wait_readable(deadline)
                                                  : co_await transport_->wait_writable(deadline);
    gate.taken = false;
    gate.free.notify();
    co_return ready;
}

int TlsStream::fill(std::span<std::byte> room, std::size_t& have) {
    for (;;) {
        const auto want = std::min<std::size_t>(room.size() - have, INT_MAX);
        const int got = attempt([&] { return SSL_read(session_.get(), room.data() + have, static_cast<int>(want)); });
        if (got <= 0) return got;
        have += static_cast<std::size_t>(got);
        // A full record rarely comes alone; after a shorter one the next call would only find nothing.
        const bool more = static_cast<std::size_t>(got) == k_record || SSL_has_pending(session_.get()) == 1;
        if (have == room.size() || !more) return got;
    }
}

Task<Result<net::Chunk>> TlsStream::read(std::size_t at_most, Deadline deadline) {
    for (;;) {
        if (auto gone = given_up()) co_return std::move(*gone);
        if (read_failure_) co_return *read_failure_;
        Stall stall;
        {
            auto slab = transport_->loop().slabs().get(at_most);
            std::size_t have = 0;
            const int outcome = fill(slab.room.first(std::min(at_most, slab.room.size())), have);
            const bool ended = outcome <= 0 && SSL_get_error(session_.get(), outcome) == SSL_ERROR_ZERO_RETURN;
            if (outcome <= 0 && !ended) stall = stalled(outcome, "reading from");
            if (!ended && outcome <= 0 && !stall.wait) read_failure_ = stall.error;
            if (have != 0) co_return std::move(slab).take(have);
            if (ended) co_return net::Chunk{};
        }
        if (!stall.wait) continue;
        auto ready = co_await wait(*stall.wait, deadline);
        if (!ready) co_return ready.error();
    }
}

Task<Result<>> TlsStream::recover(Stall stall, Deadline deadline) {
    if (!stall.wait) {
        send_broken_ = true;
        co_return std::move(stall.error);
    }
    auto ready = co_await wait(*stall.wait, deadline);
    if (!ready) send_broken_ = true;
    co_return ready;
}

std::optional<TlsStream::Stall> TlsStream::push(std::span<const std::byte>& rest) {
    while (!rest.empty()) {
        if (auto sendable = can_send(); !sendable) return Stall{std::nullopt, sendable.error()};
        const auto size = static_cast<int>(std::min<std::size_t>(rest.size(), INT_MAX));
        const int sent = attempt([&] { return SSL_write(session_.get(), rest.data(), size); });
        if (sent <= 0) return stalled(sent, "writing to");
        rest = rest.subspan(static_cast<std::size_t>(sent));
    }
    return std::nullopt;
}

Result<> TlsStream::can_send() const {
    if (auto gone = given_up()) return std::move(*gone);
    if (send_broken_) return Error{Errc::peer_closed, "writing to " + transport_->peer() + " failed before"};
    return {};
}

Task<Result<>> TlsStream::write(net::Chunk chunk, Deadline deadline) {
    auto rest = chunk.bytes;
    while (auto stall = push(rest)) {
        auto ready = co_await recover(std::move(*stall), deadline);
        if (!ready) co_return ready;
    }
    co_return Result<>{};
}

Task<Result<>> TlsStream::write_file(net::FileRange range, Deadline deadline) {
    const bool by_kernel = range.file->descriptor() >= 0 && BIO_get_ktls_send(SSL_get_wbio(session_.get()));
    auto sent = by_kernel ? co_await send_file(range, deadline) : co_await copy_file(range, deadline);
    co_return sent;
}

Task<Result<>> TlsStream::send_file(const net::FileRange& range, Deadline deadline) {
    auto offset = range.offset;
    const auto end = range.offset + range.length;
    while (offset < end) {
        auto sendable = can_send();
        if (!sendable) co_return sendable;
        const auto slice = static_cast<std::size_t>(std::min(end - offset, k_sendfile_slice));
        const int sent = attempt([&] {
            return SSL_sendfile(session_.get(), range.file->descriptor(), static_cast<off_t>(offset), slice, 0);
        });
        if (sent == 0) co_return shorter();
        if (sent > 0) {
            offset += static_cast<std::uint64_t>(sent);
            transport_->taken(static_cast<std::uint64_t>(sent));
            continue;
        }
        auto ready = co_await recover(stalled(sent, "writing to"), deadline);
        if (!ready) co_return ready;
    }
    co_return Result<>{};
}

Task<Result<>> TlsStream::copy_file(const net::FileRange& range, Deadline deadline) {
    const net::Corked corked{*transport_, range.length};
    auto slab = transport_->loop().slabs().get(k_read);
    auto offset = range.offset;
    std::uint64_t sent_in_turn = 0;
    const auto end = range.offset + range.length;
    while (offset < end) {
        const auto room = slab.room.first(static_cast<std::size_t>(std::min<std::uint64_t>(k_read, end - offset)));
        auto got = range.file->read_cached(offset, room);
        if (!got && got.error().code == Errc::overloaded) {
            auto from_disk = [&range, offset, room] { return range.file->read_at(offset, room); };
            got = co_await disk_.run(from_disk);
        }
        if (!got) co_return got.error();
        if (*got == 0) co_return shorter();
        offset += *got;
        keep_buffers(*session_, offset < end);
        std::span<const std::byte> rest = room.first(*got);
        while (auto stall = push(rest)) {
            auto ready = co_await recover(std::move(*stall), deadline);
            if (!ready) co_return ready;
        }
        transport_->taken(*got);
        sent_in_turn += *got;
        if (sent_in_turn < k_turn) continue;
        sent_in_turn = 0;
        co_await net::yield();
    }
    co_return Result<>{};
}

Task<Result<>> TlsStream::finish(Deadline deadline) {
    auto notified = co_await notify_close(deadline);
    if (!notified) co_return notified;
    auto finished = co_await transport_->finish(deadline);
    co_return finished;
}

Task<Result<>> TlsStream::notify_close(Deadline deadline) {
    for (;;) {
        auto sendable = can_send();
        if (!sendable) co_return sendable;
        const int outcome = attempt([&] { return SSL_shutdown(session_.get()); });
        if (outcome >= 0) break;
        auto ready = co_await recover(stalled(outcome, "closing"), deadline);
        if (!ready) co_return ready;
    }
    send_broken_ = true;
    co_return Result<>{};
}

std::string TlsStream::peer_certificate() const {
    const X509* certificate = SSL_get0_peer_certificate(session_.get());
    if (certificate == nullptr) return {};
    std::string der(static_cast<std::size_t>(std::max(0, i2d_X509(certificate, nullptr))), '\0');
    auto* out = reinterpret_cast<unsigned char*>(der.data());
    i2d_X509(certificate, &out);
    return der;
}

std::string TlsStream::peer_subject() const {
    const X509* certificate = SSL_get0_peer_certificate(session_.get());
    return certificate == nullptr ? std::string{} : subject_of(*certificate);
}

bool TlsStream::covers(std::string_view host) const {
    if (server_) return facts_.identity != nullptr && facts_.identity->covers(host);
    const X509* certificate = SSL_get0_peer_certificate(session_.get());
    return certificate != nullptr && any_matches(names_of(*certificate), normal_host(host));
}

}  // namespace longshore::tls

// TLS over a TCP stream, as a ByteStream. Made by `accept` (tls/server.hpp) and `connect` (tls/client.hpp).
//
// OpenSSL works on the descriptor itself. An idle connection holds no buffer: a slab is taken when bytes are to be
// had, and OpenSSL gives its record buffers back between records. A file leaves in slices of two records, read from
// memory on the loop and from the disk pool when they are not resident (by the kernel where it does TLS itself).
//
// Threads: as ByteStream; one reader and one writer at a time, which may run side by side.
// Errors:  as ByteStream. An end without close_notify is peer_closed, never an end: the bytes may be cut short
//          (RFC 8446 section 6.1). `corrupt` carries OpenSSL's reason; `denied` is a peer that refused our
//          certificate after the handshake (TLS 1.3). After a failed write the sending direction is gone.
#pragma once

#include "base/disk_pool.hpp"
#include "net/stream.hpp"
#include "net/tcp.hpp"
#include "net/wait.hpp"
#include "tls/identity.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;

namespace longshore::tls {

// What the handshake settled.
struct Facts {
    std::string alpn;         // "h2", "http/1.1", or empty
    std::string server_name;  // SNI, lower case; empty when the client sent none
    std::string protocol;     // "TLSv1.3"
    std::string cipher;       // "TLS_AES_128_GCM_SHA256"
    bool resumed = false;
    std::shared_ptr<const Identity> identity;  // what this end showed; null for a client without one
};

class TlsStream final : public net::ByteStream {
public:
    struct Free {
        void operator()(ssl_st* ssl) const noexcept;
    };
    using Session = std::unique_ptr<ssl_st, Free>;

    // `session` has finished its handshake on the transport's descriptor. `disk` outlives the stream.
    TlsStream(std::unique_ptr<net::TcpStream> transport, Session session, Facts facts, DiskPool& disk);
    ~TlsStream() override;

    [[nodiscard]] Task<Result<net::Chunk>> read(std::size_t at_most, Deadline deadline) override;
    [[nodiscard]] Task<Result<>> write(net::Chunk chunk, Deadline deadline) override;
    [[nodiscard]] Task<Result<>> write_file(net::FileRange range, Deadline deadline) override;
    // close_notify, then the end of our TCP direction; reading goes on.
    [[nodiscard]] Task<Result<>> finish(Deadline deadline) override;
    [[nodiscard]] bool half_closes() const noexcept override { return true; }
    void abort(Errc reason) noexcept override;
    void set_pace(net::Pace pace) noexcept override { transport_->set_pace(pace); }

    [[nodiscard]] const Facts& facts() const noexcept { return facts_; }
    [[nodiscard]] const std::string& alpn() const noexcept { return facts_.alpn; }
    [[nodiscard]] const std::string& server_name() const noexcept { return facts_.server_name; }
    // The peer's certificate in DER; empty when it showed none.
    [[nodiscard]] std::string peer_certificate() const;
    // Its subject as RFC 2253 writes it ("CN=builder,O=Example"); empty without one.
    [[nodiscard]] std::string peer_subject() const;
    // Whether the certificate shown by the server of this connection is for `host` (a server answers 421 when not).
    [[nodiscard]] bool covers(std::string_view host) const;
    // For addresses and the loop only: reading or writing it breaks the stream.
    [[nodiscard]] net::TcpStream& transport() noexcept { return *transport_; }
    [[nodiscard]] const net::TcpStream& transport() const noexcept { return *transport_; }

private:
    // A direction of the socket that the reader and the writer may both come to wait for.
    struct Gate {
        bool taken = false;
        net::Event free;
    };
    enum class Direction : std::uint8_t { readable, writable };
    struct Stall {
        std::optional<Direction> wait;
        Error error{};
    };

    [[nodiscard]] std::optional<Error> given_up() const;
    [[nodiscard]] Result<> can_send() const;
    // What the call that just returned `outcome` waits for, or why it failed.
    [[nodiscard]] Stall stalled(int outcome, std::string_view doing);
    [[nodiscard]] Task<Result<>> wait(Direction direction, Deadline deadline);
    // After a stall while sending: waits, or gives the sending direction up.
    [[nodiscard]] Task<Result<>> recover(Stall stall, Deadline deadline);
    // Reads records into `room` from `have` on while they keep coming; OpenSSL's last answer.
    [[nodiscard]] int fill(std::span<std::byte> room, std::size_t& have);
    // Gives OpenSSL of `rest` what it takes; what stopped it, or nothing when all is gone.
    [[nodiscard]] std::optional<Stall> push(std::span<const std::byte>& rest);
    [[nodiscard]] Task<Result<>> send_file(const net::FileRange& range, Deadline deadline);
    [[nodiscard]] Task<Result<>> copy_file(const net::FileRange& range, Deadline deadline);
    [[nodiscard]] Task<Result<>> notify_close(Deadline deadline);

    std::unique_ptr<net::TcpStream> transport_;
    Session session_;
    Facts facts_;
    DiskPool& disk_;
    Gate readable_;
    Gate writable_;
    bool server_;
    bool send_broken_ = false;  // ended, or a record may be cut: nothing can follow
    std::optional<Error> read_failure_;
    std::optional<Errc> aborted_;
};

}  // namespace longshore::tls

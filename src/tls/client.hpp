// The client's side of the handshake: who is trusted, under which name the server must prove itself.
//
// Threads: one context serves every loop.
// Errors:  denied (the server's certificate, with host and reason: "certificate of registry.example: self-signed
//          certificate"; or ours, refused); timeout, cancelled, peer_closed; unsupported (no version, suite or
//          protocol in common); corrupt (not TLS), with OpenSSL's reason.
// Source:  RFC 8446, RFC 5246, RFC 6125 and RFC 9110 section 4.3.4 (names), RFC 7301 (ALPN).
#pragma once

#include "tls/stream.hpp"
#include "tls/trust.hpp"

#include <memory>
#include <string>
#include <vector>

namespace longshore::tls {

enum class Verify : std::uint8_t { full, nothing };

struct ClientSettings {
    std::shared_ptr<const TrustRoots> roots;  // needed unless nothing is verified
    Verify verify = Verify::full;
    std::shared_ptr<const Identity> identity;  // shown when the server asks; null: none
    bool kernel_tls = false;                   // let the kernel encrypt where it can
};

class ClientContext {
public:
    // `disk` outlives every stream connected. Errc::invalid when the settings do not fit together.
    [[nodiscard]] static Result<std::unique_ptr<ClientContext>> make(ClientSettings settings, DiskPool& disk);
    ClientContext(const ClientContext&) = delete;
    ClientContext& operator=(const ClientContext&) = delete;
    ~ClientContext();

private:
    struct State;
    ClientContext(std::unique_ptr<const State> state, DiskPool& disk);
    friend Task<Result<std::unique_ptr<TlsStream>>> connect(std::unique_ptr<net::TcpStream> transport,
                                                            const ClientContext& context, std::string server_name,
                                                            std::vector<std::string> alpn, Deadline deadline);
    DiskPool& disk_;
    std::unique_ptr<const State> state_;
};

// The handshake on a connection just made. `server_name`: the name or IP literal (brackets allowed) to send and to
// verify. `alpn`: what to offer, by preference; may be empty. `context` outlives the call, not the stream.
[[nodiscard]] Task<Result<std::unique_ptr<TlsStream>>> connect(std::unique_ptr<net::TcpStream> transport,
                                                               const ClientContext& context, std::string server_name,
                                                               std::vector<std::string> alpn, Deadline deadline);

}  // namespace longshore::tls

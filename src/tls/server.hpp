// The server's side of the handshake: certificate by name, ALPN, client certificates where they are asked for.
//
// TLS 1.2 and 1.3; forward-secret AEAD suites only; no renegotiation, compression or early data. A session is
// resumed only under the server name, certificate and client-certificate rule it was made with; `replace` changes
// nothing for those that keep all three. A client's certificate is checked when its session is made, for the purpose
// too (RFC 5280 section 4.2.1.12); sessions end after an hour.
//
// Threads: one context serves every loop; `replace` from any thread, for handshakes that begin afterwards.
// Errors:  timeout, cancelled, peer_closed; denied (a certificate was refused, on either side); unsupported (no
//          version, suite, protocol or certificate in common); corrupt (not TLS), with OpenSSL's reason.
// Source:  RFC 8446, RFC 5246, RFC 7301 (ALPN), RFC 6066 section 3 (SNI).
#pragma once

#include "tls/certificates.hpp"
#include "tls/handshakes.hpp"
#include "tls/published.hpp"
#include "tls/stream.hpp"
#include "tls/ticket_keys.hpp"
#include "tls/trust.hpp"

#include <memory>
#include <string>
#include <vector>

namespace longshore::tls {

enum class ClientCertificate : std::uint8_t { ignored, optional, required };

struct ServerSettings {
    std::vector<std::string> alpn{"h2", "http/1.1"};  // by preference; a client with none of them is refused
    ClientCertificate client_certificate = ClientCertificate::ignored;
    std::shared_ptr<const TrustRoots> client_roots;  // who may issue client certificates; needed unless ignored
    bool kernel_tls = false;                         // let the kernel encrypt where it can
};

class ServerContext {
public:
    // `disk` outlives every stream accepted. Errc::invalid when the settings do not fit together.
    [[nodiscard]] static Result<std::unique_ptr<ServerContext>> make(std::shared_ptr<const Certificates> certificates,
                                                                     ServerSettings settings, DiskPool& disk);
    ServerContext(const ServerContext&) = delete;
    ServerContext& operator=(const ServerContext&) = delete;
    ~ServerContext();

    [[nodiscard]] Result<> replace(std::shared_ptr<const Certificates> certificates, ServerSettings settings);

private:
    struct State;
    using Accepted = Result<std::unique_ptr<TlsStream>>;
    friend Task<Accepted> accept(std::unique_ptr<net::TcpStream> transport, const ServerContext& context,
                                 Deadline deadline);
    friend Task<Accepted> accept(std::unique_ptr<net::TcpStream> transport, const ServerContext& context,
                                 std::unique_ptr<Handshakes::Place> place);
    [[nodiscard]] static Task<Accepted> establish(std::unique_ptr<net::TcpStream> transport,
                                                  const ServerContext& context, Deadline deadline);
    explicit ServerContext(DiskPool& disk) : disk_(disk) {}
    DiskPool& disk_;
    std::shared_ptr<TicketKeys> ticket_keys_ = std::make_shared<TicketKeys>();
    Published<const State> state_;
};

// The handshake on a connection just accepted. `context` outlives the call, not the stream.
[[nodiscard]] Task<Result<std::unique_ptr<TlsStream>>> accept(std::unique_ptr<net::TcpStream> transport,
                                                              const ServerContext& context, Deadline deadline);
// The same within the limits of a loop: `place` was taken for this connection. A client that says nothing costs no
// TLS session.
[[nodiscard]] Task<Result<std::unique_ptr<TlsStream>>> accept(std::unique_ptr<net::TcpStream> transport,
                                                              const ServerContext& context,
                                                              std::unique_ptr<Handshakes::Place> place);

}  // namespace longshore::tls

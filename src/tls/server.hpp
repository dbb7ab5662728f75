// The server's side of the handshake: certificate by name, ALPN, client certificates where they are asked for.
//
// TLS 1.2 and 1.3; forward-secret AEAD suites only; no renegotiation, compression or early data. A session is
// resumed only under the server name, certificate and client-certificate rule it was made with.
//
// Threads: one context serves every loop; `replace` from any thread, for handshakes that begin afterwards.
// Errors:  timeout, cancelled, peer_closed; denied (a certificate was refused, on either side); unsupported (no
//          version, suite, protocol or certificate in common); corrupt (not TLS), with OpenSSL's reason.
// Source:  RFC 8446, RFC 5246, RFC 7301 (ALPN), RFC 6066 section 3 (SNI).
#pragma once

#include "tls/certificates.hpp"
#include "tls/published.hpp"
#include "tls/stream.hpp"
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
    explicit ServerContext(DiskPool& disk) : disk_(disk) {}
    friend Task<Result<std::unique_ptr<TlsStream>>> accept(std::unique_ptr<net::TcpStream> transport,
                                                           const ServerContext& context, Deadline deadline);
    DiskPool& disk_;
    Published<const State> state_;
};

// The handshake on a connection just accepted. `context` outlives the call, not the stream.
[[nodiscard]] Task<Result<std::unique_ptr<TlsStream>>> accept(std::unique_ptr<net::TcpStream> transport,
                                                              const ServerContext& context, Deadline deadline);

}  // namespace longshore::tls

// The handshake itself, the same for both ends. For this room only.
#pragma once

#include "net/tcp.hpp"
#include "tls/stream.hpp"

#include <openssl/ssl.h>

#include <string_view>

namespace longshore::tls {

// A session of `context` on the transport's descriptor.
[[nodiscard]] Result<TlsStream::Session> new_session(SSL_CTX& context, net::TcpStream& transport);

// Goes on until the handshake is done; a failure lets the alert out. `peer` names the other end in errors. What is
// passed outlives the call.
[[nodiscard]] Task<Result<>> shake_hands(SSL& ssl, net::TcpStream& transport, std::string_view peer, Deadline deadline);

// What is known of a session whose handshake is done.
[[nodiscard]] Facts facts_of(const SSL& ssl);

}  // namespace longshore::tls

#include "tls/handshake.hpp"

#include "tls/openssl.hpp"

#include <openssl/err.h>

#include <cerrno>

namespace longshore::tls {

Result<TlsStream::Session> new_session(SSL_CTX& context, net::TcpStream& transport) {
    TlsStream::Session session{SSL_new(&context)};
    if (session == nullptr || SSL_set_fd(session.get(), transport.descriptor()) != 1) {
        return Error{Errc::io, "TLS session: " + take_reason()};
    }
    return session;
}

Task<Result<>> shake_hands(SSL& ssl, net::TcpStream& transport, std::string_view peer, Deadline deadline) {
    for (;;) {
        ERR_clear_error();
        errno = 0;
        const int outcome = SSL_do_handshake(&ssl);
        const int number = errno;
        if (outcome == 1) co_return Result<>{};
        const int want = SSL_get_error(&ssl, outcome);
        if (want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE) {
            auto failure = failure_of(ssl, outcome, number, "TLS handshake with", peer);
            (void)co_await transport.finish(deadline);  // a reset would overtake the alert
            co_return failure;
        }
        auto ready = want == SSL_ERROR_WANT_READ ? co_await transport.wait_readable(deadline)
                                                 : co_await transport.wait_writable(deadline);
        if (!ready) co_return Error{ready.error().code, "TLS handshake with " + std::string{peer}};
    }
}

Facts facts_of(const SSL& ssl) {
    const unsigned char* protocol = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(&ssl, &protocol, &size);
    Facts facts;
    if (size != 0) facts.alpn.assign(reinterpret_cast<const char*>(protocol), size);
    facts.protocol = SSL_get_version(&ssl);
    facts.cipher = SSL_get_cipher_name(&ssl);
    facts.resumed = SSL_session_reused(&ssl) == 1;
    return facts;
}

}  // namespace longshore::tls

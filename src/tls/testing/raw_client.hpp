// A plain blocking OpenSSL client, for what our own never does: old versions, sessions offered under another name,
// key updates on demand. Use it off the loop that serves it.
#pragma once

#include "tls/openssl.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace longshore::tls::testing {

using SslPtr = std::unique_ptr<SSL, Releases<SSL_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, Releases<SSL_SESSION_free>>;

struct RawPlan {
    std::string server_name;
    int max_version = 0;             // TLS1_1_VERSION and so on; 0: any
    SSL_SESSION* session = nullptr;  // offered for resumption
    std::string early_data{};        // sent with it, whatever its ticket allows
};

class RawClient {
public:
    // Connects to 127.0.0.1 and tries the handshake; nothing is verified.
    RawClient(std::uint16_t port, const RawPlan& plan);
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;
    ~RawClient();

    [[nodiscard]] bool shaken() const noexcept { return shaken_; }
    [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
    [[nodiscard]] std::string certificate_names() const;
    [[nodiscard]] SSL& ssl() noexcept { return *ssl_; }
    // Up to `size` bytes; fewer at the end.
    [[nodiscard]] std::string read(std::size_t size);
    [[nodiscard]] bool write(std::string_view text);
    // To be offered later; complete once something was read.
    [[nodiscard]] SessionPtr session() { return SessionPtr{SSL_get1_session(ssl_.get())}; }

private:
    ContextPtr context_;
    int descriptor_;
    SslPtr ssl_;
    bool shaken_ = false;
};

}  // namespace longshore::tls::testing

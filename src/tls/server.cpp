#include "tls/server.hpp"

#include "tls/client_hello.hpp"
#include "tls/handshake.hpp"
#include "tls/names.hpp"
#include "tls/parsed.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <optional>

namespace longshore::tls {

struct ServerContext::State {
    ContextPtr context;
    std::shared_ptr<const Certificates> certificates;
    ServerSettings settings;
    std::shared_ptr<TicketKeys> ticket_keys;
    std::string client_rule;  // what a session's client had to show
};

namespace {

constexpr long k_session_life_seconds = 3600;
constexpr int k_client_chain_depth = 4;                  // certificates between a client's and a trusted one
constexpr std::size_t k_client_chain_bytes = 32 * 1024;  // the whole chain as sent

// One handshake, as OpenSSL's callbacks see it.
struct Hello {
    const Certificates& certificates;
    std::span<const std::string> protocols;  // ours, by preference
    std::string_view client_rule;
    TicketKeys& ticket_keys;
    std::string address;  // the literal the client connected to
    std::string server_name;
    std::shared_ptr<const Identity> identity;
    std::optional<Error> refusal;
};

std::optional<std::span<const unsigned char>> extension_of(SSL& ssl, unsigned int kind) {
    const unsigned char* bytes = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(&ssl, kind, &bytes, &size) != 1) return std::nullopt;
    return std::span{bytes, size};
}

// Errors carry the alert in `alert`.
Result<> choose(SSL& ssl, Hello& hello, int& alert) {
    alert = SSL_AD_DECODE_ERROR;
    if (const auto extension = extension_of(ssl, TLSEXT_TYPE_server_name)) {
        auto name = parse_server_name(*extension);
        if (!name) return name.error();
        hello.server_name = std::move(*name);
    }
    std::vector<std::string_view> offered;
    if (const auto extension = extension_of(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation)) {
        auto protocols = parse_alpn(*extension);
        if (!protocols) return protocols.error();
        offered = std::move(*protocols);
    }
    const auto& name = hello.server_name.empty() ? hello.address : hello.server_name;
    hello.identity = hello.certificates.find(name, offered);
    if (hello.identity == nullptr) hello.identity = hello.certificates.fallback();
    alert = SSL_AD_UNRECOGNIZED_NAME;
    if (hello.identity == nullptr) return Error{Errc::unsupported, "no certificate for " + name};
    return {};
}

// Sessions are found again only by who asks for the same name, would be shown the same certificate and had to show as
// much (CVE-2025-23419 is what happens otherwise).
bool bind_sessions(SSL& ssl, const Hello& hello) {
    const auto scope =
        hello.server_name + '\0' + std::string{hello.identity->fingerprint()} + std::string{hello.client_rule};
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    return EVP_Digest(scope.data(), scope.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1 &&
           SSL_set_session_id_context(&ssl, digest.data(), size) == 1;
}

bool show(SSL& ssl, const Identity& identity) {
    const auto& parsed = identity.parsed();
    return SSL_use_cert_and_key(&ssl, parsed.leaf.get(), parsed.key.get(), parsed.issuers.get(), 1) == 1;
}

int on_client_hello(SSL* ssl, int* alert, void*) {
    auto& hello = *static_cast<Hello*>(SSL_get_app_data(ssl));
    const auto chosen = choose(*ssl, hello, *alert);
    if (!chosen) {
        hello.refusal = chosen.error();
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (bind_sessions(*ssl, hello) && show(*ssl, *hello.identity)) return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_INTERNAL_ERROR;
    hello.refusal = Error{Errc::io, "showing a certificate: " + take_reason()};
    return SSL_CLIENT_HELLO_ERROR;
}

int on_protocols(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                 unsigned int offered_size, void*) {
    const auto& hello = *static_cast<const Hello*>(SSL_get_app_data(ssl));
    for (const auto& ours : hello.protocols) {
        for (unsigned int at = 0; at < offered_size; at += offered[at] + 1U) {
            const std::string_view theirs{reinterpret_cast<const char*>(offered + at + 1), offered[at]};
            if (theirs != ours) continue;
            *chosen = offered + at + 1;
            *size = offered[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool set_mac_key(EVP_MAC_CTX& mac, const TicketKeys::Key& key) {
    std::string digest = "SHA256";
    auto secret = key.mac;
    const std::array parameters{OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
                                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                OSSL_PARAM_construct_end()};
    const bool set = EVP_MAC_CTX_set_params(&mac, parameters.data()) == 1;
    OPENSSL_cleanse(secret.data(), secret.size());
    return set;
}

int seal_ticket(TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX& cipher, EVP_MAC_CTX& mac) {
    const auto key = keys.sealing(net::Loop::current().now());
    const bool ready = key != nullptr && RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
                       EVP_EncryptInit_ex(&cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv) == 1 &&
                       set_mac_key(mac, *key);
    if (!ready) return 0;  // no ticket
    std::ranges::copy(key->name, name);
    return 1;
}

int open_ticket(TicketKeys& keys, const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX& cipher,
                EVP_MAC_CTX& mac) {
    const auto found =
        keys.opening(std::span<const unsigned char, TicketKeys::k_name_bytes>{name, TicketKeys::k_name_bytes},
                     net::Loop::current().now());
    const bool ready = found.key != nullptr &&
                       EVP_DecryptInit_ex(&cipher, EVP_aes_256_cbc(), nullptr, found.key->cipher.data(), iv) == 1 &&
                       set_mac_key(mac, *found.key);
    if (!ready) return 0;  // a full handshake
    return found.newest ? 1 : 2;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int sealing) {
    const auto* const hello = static_cast<const Hello*>(SSL_get_app_data(ssl));
    if (hello == nullptr) return 0;
    return sealing != 0 ? seal_ticket(hello->ticket_keys, name, iv, *cipher, *mac)
                        : open_ticket(hello->ticket_keys, name, iv, *cipher, *mac);
}

// Whether a client is asked, and whose certificates count: part of what a session is good for.
std::string rule_of(const ServerSettings& settings) {
    std::string rule{static_cast<char>(settings.client_certificate)};
    if (settings.client_certificate == ClientCertificate::ignored) return rule;
    for (const auto& root : settings.client_roots->parsed().certificates) rule += fingerprint_of(*root);
    return rule;
}

void ask_for_client_certificate(SSL_CTX& context, const ServerSettings& settings) {
    const auto& roots = settings.client_roots->parsed();
    const bool required = settings.client_certificate == ClientCertificate::required;
    SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    SSL_CTX_set1_cert_store(&context, roots.store.get());
    SSL_CTX_set_purpose(&context, X509_PURPOSE_SSL_CLIENT);
    SSL_CTX_set_verify_depth(&context, k_client_chain_depth);
    SSL_CTX_set_max_cert_list(&context, k_client_chain_bytes);
    for (const auto& certificate : roots.certificates) SSL_CTX_add_client_CA(&context, certificate.get());
}

Result<ContextPtr> context_for(const ServerSettings& settings) {
    auto context = new_context(TLS_server_method(), settings.kernel_tls);
    if (context == nullptr) return Error{Errc::io, "TLS server context: " + take_reason()};
    SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_timeout(context.get(), k_session_life_seconds);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context.get(), on_ticket);
    SSL_CTX_set_max_early_data(context.get(), 0);  // early data can be replayed (RFC 8446 section 8)
    SSL_CTX_set_client_hello_cb(context.get(), on_client_hello, nullptr);
    if (!settings.alpn.empty()) SSL_CTX_set_alpn_select_cb(context.get(), on_protocols, nullptr);
    if (settings.client_certificate != ClientCertificate::ignored) ask_for_client_certificate(*context, settings);
    return context;
}

Result<> check(const Certificates* certificates, const ServerSettings& settings) {
    if (certificates == nullptr) return Error{Errc::invalid, "TLS server: no certificates"};
    const bool asks = settings.client_certificate != ClientCertificate::ignored;
    if (asks && settings.client_roots == nullptr) {
        return Error{Errc::invalid,
                     "TLS server: client certificates are asked for, but nobody is trusted to issue them"};
    }
    const auto wire = alpn_wire(settings.alpn);
    return wire ? Result<>{} : wire.error();
}

std::string host_of(std::string_view address) { return ip_literal(address.substr(0, address.rfind(':'))); }

}  // namespace

ServerContext::~ServerContext() = default;

Result<std::unique_ptr<ServerContext>> ServerContext::make(std::shared_ptr<const Certificates> certificates,
                                                           ServerSettings settings, DiskPool& disk) {
    std::unique_ptr<ServerContext> made{new ServerContext{disk}};
    if (auto set = made->replace(std::move(certificates), std::move(settings)); !set) return set.error();
    return made;
}

Result<> ServerContext::replace(std::shared_ptr<const Certificates> certificates, ServerSettings settings) {
    if (auto fits = check(certificates.get(), settings); !fits) return fits;
    auto context = context_for(settings);
    if (!context) return context.error();
    auto rule = rule_of(settings);
    state_.store(std::make_shared<const State>(std::move(*context), std::move(certificates), std::move(settings),
                                               ticket_keys_, std::move(rule)));
    return {};
}

Task<ServerContext::Accepted> ServerContext::establish(std::unique_ptr<net::TcpStream> transport,
                                                       const ServerContext& context, Deadline deadline) {
    const auto state = context.state_.load();
    DiskPool& disk = context.disk_;
    auto session = new_session(*state->context, *transport);
    if (!session) co_return session.error();
    Hello hello{*state->certificates,
                state->settings.alpn,
                state->client_rule,
                *state->ticket_keys,
                host_of(transport->local()),
                {},
                nullptr,
                {}};
    SSL_set_app_data(session->get(), &hello);
    SSL_set_accept_state(session->get());
    auto shaken = co_await shake_hands(**session, *transport, transport->peer(), deadline);
    SSL_set_app_data(session->get(), nullptr);
    if (hello.refusal) co_return Error{hello.refusal->code, hello.refusal->where + " (" + transport->peer() + ")"};
    if (!shaken) co_return shaken.error();
    auto facts = facts_of(**session);
    facts.server_name = std::move(hello.server_name);
    facts.identity = std::move(hello.identity);
    co_return std::make_unique<TlsStream>(std::move(transport), std::move(*session), std::move(facts), disk);
}

Task<Result<std::unique_ptr<TlsStream>>> accept(std::unique_ptr<net::TcpStream> transport, const ServerContext& context,
                                                Deadline deadline) {
    return ServerContext::establish(std::move(transport), context, deadline);
}

Task<Result<std::unique_ptr<TlsStream>>> accept(std::unique_ptr<net::TcpStream> transport, const ServerContext& context,
                                                std::unique_ptr<Handshakes::Place> place) {
    const auto& loop = transport->loop();
    auto spoke = co_await transport->wait_readable(place->deadline());
    if (!spoke) {
        place->fail(spoke.error().code);
        co_return spoke.error();
    }
    place->begin(loop.now());
    auto accepted = co_await ServerContext::establish(std::move(transport), context, place->deadline());
    if (accepted) {
        place->succeed((*accepted)->facts(), loop.now());
    } else {
        place->fail(accepted.error().code);
    }
    co_return accepted;
}

}  // namespace longshore::tls

#include "tls/client.hpp"

#include "tls/handshake.hpp"
#include "tls/names.hpp"
#include "tls/parsed.hpp"

#include <openssl/x509v3.h>

namespace longshore::tls {

struct ClientContext::State {
    ContextPtr context;
    ClientSettings settings;
};

namespace {

bool show(SSL_CTX& context, const Identity& identity) {
    const auto& parsed = identity.parsed();
    return SSL_CTX_use_cert_and_key(&context, parsed.leaf.get(), parsed.key.get(), parsed.issuers.get(), 1) == 1;
}

Result<ContextPtr> context_for(const ClientSettings& settings) {
    auto context = new_context(TLS_client_method(), settings.kernel_tls);
    if (context == nullptr) return Error{Errc::io, "TLS client context: " + take_reason()};
    const bool verifies = settings.verify == Verify::full;
    SSL_CTX_set_verify(context.get(), verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (settings.roots != nullptr) SSL_CTX_set1_cert_store(context.get(), settings.roots->parsed().store.get());
    if (settings.identity != nullptr && !show(*context, *settings.identity)) {
        return Error{Errc::invalid, "TLS client certificate: " + take_reason()};
    }
    return context;
}

// The name to send (never an address, RFC 6066) and the one the certificate must be for.
bool expect(SSL& ssl, const std::string& host) {
    auto* expected = SSL_get0_param(&ssl);
    X509_VERIFY_PARAM_set_hostflags(expected,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (!ip_literal(host).empty()) return X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
    return SSL_set_tlsext_host_name(&ssl, host.c_str()) == 1 &&
           X509_VERIFY_PARAM_set1_host(expected, host.data(), host.size()) == 1;
}

bool offer(SSL& ssl, std::string_view wire) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(wire.data());
    return wire.empty() || SSL_set_alpn_protos(&ssl, bytes, static_cast<unsigned int>(wire.size())) == 0;
}

}  // namespace

ClientContext::ClientContext(std::unique_ptr<const State> state, DiskPool& disk)
    : disk_(disk), state_(std::move(state)) {}
ClientContext::~ClientContext() = default;

Result<std::unique_ptr<ClientContext>> ClientContext::make(ClientSettings settings, DiskPool& disk) {
    if (settings.verify == Verify::full && settings.roots == nullptr) {
        return Error{Errc::invalid, "TLS client: servers are verified, but nobody is trusted to certify them"};
    }
    auto context = context_for(settings);
    if (!context) return context.error();
    auto state = std::make_unique<const State>(std::move(*context), std::move(settings));
    return std::unique_ptr<ClientContext>{new ClientContext{std::move(state), disk}};
}

Task<Result<std::unique_ptr<TlsStream>>> connect(std::unique_ptr<net::TcpStream> transport,
                                                 const ClientContext& context, std::string server_name,
                                                 std::vector<std::string> alpn, Deadline deadline) {
    DiskPool& disk = context.disk_;
    const auto host = normal_host(server_name);
    if (ip_literal(host).empty() && !is_dns_name(host))
        co_return Error{Errc::invalid, "TLS server name: " + server_name};
    const auto wire = alpn_wire(alpn);
    if (!wire) co_return wire.error();
    auto session = new_session(*context.state_->context, *transport);
    if (!session) co_return session.error();
    if (!expect(**session, host) || !offer(**session, *wire)) co_return Error{Errc::io, "TLS: " + take_reason()};
    SSL_set_connect_state(session->get());
    auto shaken = co_await shake_hands(**session, *transport, host, deadline);
    if (!shaken) co_return shaken.error();
    auto facts = facts_of(**session);
    if (ip_literal(host).empty()) facts.server_name = host;
    facts.identity = context.state_->settings.identity;
    co_return std::make_unique<TlsStream>(std::move(transport), std::move(*session), std::move(facts), disk);
}

}  // namespace longshore::tls

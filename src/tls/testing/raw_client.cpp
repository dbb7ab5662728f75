#include "tls/testing/raw_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace longshore::tls::testing {
namespace {

int connected_to(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return descriptor;
}

}  // namespace

RawClient::RawClient(std::uint16_t port, const RawPlan& plan)
    : context_(SSL_CTX_new(TLS_client_method())), descriptor_(connected_to(port)) {
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    if (plan.max_version != 0) SSL_CTX_set_max_proto_version(context_.get(), plan.max_version);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), descriptor_);
    if (!plan.server_name.empty()) SSL_set_tlsext_host_name(ssl_.get(), plan.server_name.c_str());
    if (plan.session != nullptr) SSL_set_session(ssl_.get(), plan.session);
    if (!plan.early_data.empty()) {
        SSL_SESSION_set_max_early_data(plan.session, 1 << 14);
        std::size_t written = 0;
        SSL_write_early_data(ssl_.get(), plan.early_data.data(), plan.early_data.size(), &written);
    }
    shaken_ = SSL_connect(ssl_.get()) == 1;
}

RawClient::~RawClient() {
    if (shaken_) SSL_shutdown(ssl_.get());
    ::close(descriptor_);
}

std::string RawClient::certificate_names() const {
    const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
    std::string joined;
    if (certificate == nullptr) return joined;
    for (const auto& name : names_of(*certificate)) joined += joined.empty() ? name : " " + name;
    return joined;
}

std::string RawClient::read(std::size_t size) {
    std::string text(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        const int got = SSL_read(ssl_.get(), text.data() + have, static_cast<int>(size - have));
        if (got <= 0) break;
        have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    return text;
}

bool RawClient::write(std::string_view text) {
    return SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
}

}  // namespace longshore::tls::testing

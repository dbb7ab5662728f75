#include "tls/testing/test_ca.hpp"

#include "tls/mint.hpp"

namespace longshore::tls::testing {

struct TestCa::Parts {
    X509Ptr certificate;
    KeyPtr key;

    [[nodiscard]] Pems leaf(const LeafPlan& plan) const {
        const auto leaf_key = new_key().value();
        const auto made = new_leaf(*leaf_key, *certificate, *key, plan).value();
        return {pem_of(*made), pem_of(*leaf_key)};
    }
};

namespace {

std::shared_ptr<const Identity> identity_of(Pems pems) {
    return Identity::parse(std::move(pems.chain), std::move(pems.key)).value();
}

Validity from_yesterday(std::chrono::hours life) {
    const auto now = std::chrono::system_clock::now();
    return {now - std::chrono::hours{24}, now + life};
}

}  // namespace

TestCa::TestCa() {
    auto key = new_key().value();
    auto certificate = new_authority(*key, "test authority", from_yesterday(std::chrono::hours{48})).value();
    pem_ = pem_of(*certificate);
    parts_ = std::make_unique<const Parts>(std::move(certificate), std::move(key));
}

TestCa::~TestCa() = default;

std::shared_ptr<const TrustRoots> TestCa::roots() const { return TrustRoots::parse(pem_).value(); }

Pems TestCa::server(std::vector<std::string> names, std::chrono::hours life) const {
    return parts_->leaf({std::move(names), from_yesterday(life), Purpose::server});
}

Pems TestCa::client(std::string name, std::chrono::hours life) const {
    return parts_->leaf({{std::move(name)}, from_yesterday(life), Purpose::client});
}

std::shared_ptr<const Identity> TestCa::server_identity(std::vector<std::string> names, std::chrono::hours life) const {
    return identity_of(server(std::move(names), life));
}

std::shared_ptr<const Identity> TestCa::client_identity(std::string name, std::chrono::hours life) const {
    return identity_of(client(std::move(name), life));
}

std::unique_ptr<ServerContext> TestCa::server_context(std::vector<std::string> names, DiskPool& disk,
                                                      ServerSettings settings) const {
    auto shown = std::make_shared<OneCertificate>(server_identity(std::move(names)));
    return ServerContext::make(std::move(shown), std::move(settings), disk).value();
}

std::unique_ptr<ClientContext> TestCa::client_context(DiskPool& disk) const {
    return ClientContext::make({.roots = roots()}, disk).value();
}

}  // namespace longshore::tls::testing

// Certificates made at test time: an authority of its own per TestCa, and leaves signed by it.
//
// Errors: none; a failure to make one ends the test program.
#pragma once

#include "tls/client.hpp"
#include "tls/identity.hpp"
#include "tls/server.hpp"
#include "tls/trust.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace longshore::tls::testing {

struct Pems {
    std::string chain;
    std::string key;
};

class TestCa {
public:
    TestCa();
    TestCa(const TestCa&) = delete;
    TestCa& operator=(const TestCa&) = delete;
    ~TestCa();

    [[nodiscard]] const std::string& pem() const noexcept { return pem_; }
    [[nodiscard]] std::shared_ptr<const TrustRoots> roots() const;

    // A server's leaf for DNS names and IP literals, valid from yesterday until `life` from now (may be negative).
    [[nodiscard]] Pems server(std::vector<std::string> names, std::chrono::hours life = std::chrono::hours{24}) const;
    [[nodiscard]] Pems client(std::string name, std::chrono::hours life = std::chrono::hours{24}) const;
    [[nodiscard]] std::shared_ptr<const Identity> server_identity(std::vector<std::string> names,
                                                                  std::chrono::hours life = std::chrono::hours{
                                                                      24}) const;
    [[nodiscard]] std::shared_ptr<const Identity> client_identity(std::string name,
                                                                  std::chrono::hours life = std::chrono::hours{
                                                                      24}) const;

    // A server that shows one leaf for `names`; a client that trusts this authority. `disk` outlives their streams.
    [[nodiscard]] std::unique_ptr<ServerContext> server_context(std::vector<std::string> names, DiskPool& disk,
                                                                ServerSettings settings = {}) const;
    [[nodiscard]] std::unique_ptr<ClientContext> client_context(DiskPool& disk) const;

private:
    struct Parts;
    std::unique_ptr<const Parts> parts_;
    std::string pem_;
};

}  // namespace longshore::tls::testing

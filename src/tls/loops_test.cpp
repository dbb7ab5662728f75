// Several loops at once on one context, its certificates changing meanwhile: for the thread sanitizer above all.
#include "base/testing/memory_files.hpp"
#include "tls/development_ca.hpp"
#include "tls/testing/pair.hpp"
#include "tls/testing/test_ca.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace longshore::tls {
namespace {

constexpr int k_rounds = 20;

struct Shared {
    const ServerContext& server;
    const ClientContext& trusts_files;
    const ClientContext& trusts_authority;
};

Task<int> many_handshakes(const Shared& shared, std::string own_name) {
    int verified = 0;
    for (int round = 0; round < k_rounds; ++round) {
        const auto from_file = co_await testing::handshake(shared.server, shared.trusts_files, "a.example");
        auto fresh = std::to_string(round) + "." + own_name;
        const auto minted = co_await testing::handshake(shared.server, shared.trusts_authority, std::move(fresh));
        const auto common = co_await testing::handshake(shared.server, shared.trusts_authority, "localhost");
        verified += from_file.client.has_value() + minted.client.has_value() + common.client.has_value();
    }
    co_return verified;
}

Task<int> many_reloads(FileCertificates& source) {
    int good = 0;
    for (int round = 0; round < k_rounds; ++round) {
        const auto mistakes = co_await source.reload();
        good += mistakes.empty();
    }
    co_return good;
}

TEST(SeveralLoops, ShakeHandsAtOnceWhileCertificatesAreReloaded) {
    const SystemClock clock;
    DiskPool disk{1};
    longshore::testing::MemoryFiles files;
    const testing::TestCa ca;
    const auto pems = ca.server({"a.example"});
    ASSERT_TRUE(write_whole(files, "/a.pem", pems.chain) && write_whole(files, "/a.key", pems.key));
    const auto source = std::make_shared<FileCertificates>(files, disk);
    testing::OneLoop first;
    ASSERT_TRUE(first.run(source->load({{"/a.pem", "/a.key"}})).empty());
    const auto authority = DevelopmentCa::open(files, clock, "/data", {"localhost"}).value();
    const auto both =
        std::make_shared<CertificateSources>(std::vector<std::shared_ptr<const Certificates>>{source, authority});
    const auto server = ServerContext::make(both, {}, disk).value();
    const auto trusts_files = ca.client_context(disk);
    const auto roots = TrustRoots::parse(authority->certificate_pem()).value();
    const auto trusts_authority = ClientContext::make({.roots = roots}, disk).value();
    const Shared shared{*server, *trusts_files, *trusts_authority};
    int verified[2]{};
    int reloaded = 0;

    {
        std::jthread other{[&] { verified[1] = testing::OneLoop{}.run(many_handshakes(shared, "one.localhost")); }};
        std::jthread reloads{[&] { reloaded = testing::OneLoop{}.run(many_reloads(*source)); }};
        verified[0] = first.run(many_handshakes(shared, "two.localhost"));
    }

    EXPECT_EQ(verified[0], 3 * k_rounds);
    EXPECT_EQ(verified[1], 3 * k_rounds);
    EXPECT_EQ(reloaded, k_rounds);
}

}  // namespace
}  // namespace longshore::tls

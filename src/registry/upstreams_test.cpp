#include "registry/upstreams.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

http::Authority host(std::string_view text) { return http::Authority::parse(text, 80).value(); }

std::string upstream_of(const Upstreams& table, std::string_view text) {
    const auto* const found = table.for_host(host(text));
    return found == nullptr ? "none" : found->name;
}

Upstreams with_domain() { return Upstreams::build({.base_domain = "Mirror.Example.org."}).value(); }

TEST(Upstreams, AreEight) {
    const auto table = with_domain();

    std::vector<std::string> urls;
    for (const auto& upstream : table.all()) urls.push_back(upstream.name + " " + upstream.url.to_string());

    EXPECT_EQ(urls, (std::vector<std::string>{
                        "docker https://registry-1.docker.io/", "quay https://quay.io/", "gcr https://gcr.io/",
                        "k8s-gcr https://registry.k8s.io/", "k8s https://registry.k8s.io/", "ghcr https://ghcr.io/",
                        "cloudsmith https://docker.cloudsmith.io/", "ecr https://public.ecr.aws/"}));
}

TEST(Upstreams, AreFoundUnderTheBaseDomain) {
    const auto table = with_domain();

    EXPECT_EQ(upstream_of(table, "quay.mirror.example.org"), "quay");
    EXPECT_EQ(upstream_of(table, "K8S-GCR.mirror.example.org:5000"), "k8s-gcr");
    EXPECT_EQ(upstream_of(table, "docker.mirror.example.org."), "docker");
}

TEST(Upstreams, DefaultToDockerForAddressesAndTheBaseDomain) {
    const auto table = with_domain();
    for (const auto* text : {"127.0.0.1:5000", "192.0.2.7", "[::1]:5000", "localhost:5000", "mirror.example.org"}) {
        EXPECT_EQ(upstream_of(table, text), "docker") << text;
    }
    EXPECT_EQ(table.for_host(http::Authority{})->name, "docker");
}

TEST(Upstreams, DefaultToDockerForListedHosts) {
    const auto table = Upstreams::build({.default_hosts = {"Cache.LAN"}}).value();

    EXPECT_EQ(upstream_of(table, "cache.lan:5000"), "docker");
    EXPECT_EQ(upstream_of(table, "quay.cache.lan"), "none");
}

TEST(Upstreams, AreNobodyForEveryOtherHost) {
    const auto table = with_domain();
    for (const auto* text : {"example.org", "nope.mirror.example.org", "a.quay.mirror.example.org", "quay.io",
                             "xmirror.example.org", "1.2.3", "1.2.3.4.5", "quay.localhost"}) {
        EXPECT_EQ(upstream_of(table, text), "none") << text;
    }
    EXPECT_EQ(upstream_of(Upstreams::build({}).value(), "quay"), "none");
}

TEST(Upstreams, MayLiveUnderLocalhost) {
    const auto table = Upstreams::build({.base_domain = "localhost"}).value();

    EXPECT_EQ(upstream_of(table, "ghcr.localhost:5000"), "ghcr");
    EXPECT_EQ(upstream_of(table, "localhost:5000"), "docker");
}

TEST(Upstreams, TakeOverridesAndAdditions) {
    const auto table = Upstreams::build({.base_domain = "m.lan",
                                         .settings = {UpstreamSetting::parse("docker=http://127.0.0.1:5600").value(),
                                                      UpstreamSetting::parse("my-own=https://r.lan/v2/").value()}})
                           .value();

    EXPECT_EQ(table.find("docker")->url.to_string(), "http://127.0.0.1:5600/");
    EXPECT_TRUE(table.find("docker")->completes_library);
    EXPECT_EQ(table.find("my-own")->url.to_string(), "https://r.lan/");
    EXPECT_FALSE(table.find("my-own")->completes_library);
    EXPECT_EQ(upstream_of(table, "my-own.m.lan"), "my-own");
}

TEST(Upstreams, RefuseSettingsThatCannotBeMeant) {
    for (const auto* text : {"", "docker", "=http://a", "Docker=http://a", "a.b=http://a", "-a=http://a", "a=ftp://a",
                             "a=", "a=http://a/x", "a=http://a/?q", "a=http://u:p@a"}) {
        EXPECT_FALSE(UpstreamSetting::parse(text)) << text;
    }
    EXPECT_FALSE(Upstreams::build({.base_domain = "a b"}));
    EXPECT_FALSE(Upstreams::build({.base_domain = "a:80"}));
    EXPECT_FALSE(Upstreams::build({.default_hosts = {"x/y"}}));
}

TEST(Upstreams, CompleteLibraryForDockerOnly) {
    const auto table = with_domain();
    const auto alpine = RepositoryName::parse("alpine").value();
    const auto longest = RepositoryName::parse(std::string(255, 'a')).value();

    EXPECT_EQ(table.find("docker")->complete(alpine).text(), "library/alpine");
    EXPECT_EQ(table.find("docker")->complete(RepositoryName::parse("a/b").value()).text(), "a/b");
    EXPECT_EQ(table.find("quay")->complete(alpine).text(), "alpine");
    EXPECT_EQ(table.find("docker")->complete(longest), longest);
}

TEST(Upstreams, TellAnUnknownHostEveryRoute) {
    const auto refusal = with_domain().unknown_host(host("nope.example.org"));

    EXPECT_EQ(refusal.status, 404);
    EXPECT_NE(refusal.message.find("nope.example.org"), std::string::npos);
    EXPECT_NE(refusal.detail_json.find(R"("quay.mirror.example.org":"https://quay.io/")"), std::string::npos);
    EXPECT_NE(refusal.detail_json.find(R"("mirror.example.org":"https://registry-1.docker.io/")"), std::string::npos);
}

}  // namespace
}  // namespace longshore::registry

#include "app/proxies.hpp"

#include <gtest/gtest.h>

namespace longshore::app {
namespace {

using Environment = std::vector<config::Variable>;

Config with(const Environment& environment, MirrorConfig mirror = {}) {
    Config config;
    config.mirror = std::move(mirror);
    config.environment = proxy_environment(environment);
    return config;
}

std::string way(const http::ProxyRules& rules, std::string_view url) {
    const auto* const proxy = rules.for_target(http::Target::from_url(url).value());
    return proxy == nullptr ? "direct" : proxy->to_string();
}

std::string way(const Config& config, std::string_view url) { return way(*proxy_rules(config), url); }

TEST(Proxies, ComeFromTheEnvironment) {
    const auto config =
        with({{"HTTPS_PROXY", "http://a:1"}, {"http_proxy", "b:2"}, {"NO_PROXY", "x.org, 10.0.0.0/8 <local>"}});

    EXPECT_EQ(way(config, "https://example.org/"), "http://a:1");
    EXPECT_EQ(way(config, "http://example.org/"), "http://b:2");
    EXPECT_EQ(way(config, "https://a.x.org/"), "direct");
    EXPECT_EQ(way(config, "https://10.1.2.3/"), "direct");
    EXPECT_EQ(way(with({{"https_proxy", "a:1"}, {"no_proxy", "*"}}), "https://example.org/"), "direct");
}

TEST(Proxies, AreNotTakenFromWhatAClientCanSet) {
    EXPECT_EQ(way(with({{"HTTP_PROXY", "http://evil:1"}}), "http://example.org/"), "direct");
}

TEST(Proxies, AreWhatTheConfigurationSays) {
    const Environment environment{{"HTTPS_PROXY", "http://a:1"}, {"NO_PROXY", "x.org"}};

    EXPECT_EQ(way(with(environment, {.proxy = "http://c:3"}), "https://example.org/"), "http://c:3");
    EXPECT_EQ(way(with(environment, {.proxy = "http://c:3"}), "http://example.org/"), "http://c:3");
    EXPECT_EQ(way(with(environment, {.proxy = "http://c:3"}), "https://x.org/"), "direct");
    EXPECT_EQ(way(with(environment, {.proxy = "http://c:3", .no_proxy = {"y.org"}}), "https://x.org/"), "http://c:3");
    EXPECT_EQ(way(with(environment, {.proxy = "none"}), "https://example.org/"), "direct");
}

TEST(Proxies, MayDifferForAnUpstream) {
    EXPECT_EQ(proxy_rules(UpstreamConfig{}), nullptr);
    EXPECT_EQ(way(*proxy_rules(UpstreamConfig{.proxy = "none"}), "https://example.org/"), "direct");
    EXPECT_EQ(way(*proxy_rules(UpstreamConfig{.proxy = "http://d:4"}), "http://127.0.0.1/"), "http://d:4");
}

TEST(Proxies, OfTheEnvironmentThatCannotBeUsedAreMistakes) {
    const Environment environment{{"HTTPS_PROXY", "socks5://u:hunter2@a:1"}};

    const auto mistakes = proxy_mistakes(with(environment));

    ASSERT_EQ(mistakes.size(), 1U);
    EXPECT_EQ(config::to_string(mistakes.front()).find("hunter2"), std::string::npos);
    EXPECT_TRUE(proxy_mistakes(with(environment, {.proxy = "none"})).empty());
    EXPECT_TRUE(proxy_mistakes(with({{"HTTPS_PROXY", "a:1"}})).empty());
}

}  // namespace
}  // namespace longshore::app

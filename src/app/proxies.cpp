#include "app/proxies.hpp"

#include <algorithm>

namespace longshore::app {
namespace {

std::string first_of(std::span<const config::Variable> environment, std::initializer_list<std::string_view> names) {
    for (const auto name : names) {
        const auto found = std::ranges::find(environment, name, &config::Variable::name);
        if (found != environment.end() && !found->value.empty()) return found->value;
    }
    return {};
}

std::vector<std::string> words_of(std::string_view text) {
    constexpr std::string_view k_between = ", \t\n";
    std::vector<std::string> words;
    for (std::size_t at = text.find_first_not_of(k_between); at != std::string_view::npos;) {
        const auto end = std::min(text.find_first_of(k_between, at), text.size());
        words.emplace_back(text.substr(at, end - at));
        at = text.find_first_not_of(k_between, end);
    }
    return words;
}

std::optional<http::Proxy> proxy_of(std::string_view text) {
    auto proxy = http::Proxy::parse(text);
    if (!proxy) return std::nullopt;
    return std::move(*proxy);
}

}  // namespace

ProxyEnvironment proxy_environment(std::span<const config::Variable> environment) {
    return {.https = first_of(environment, {"HTTPS_PROXY", "https_proxy"}),
            .http = first_of(environment, {"http_proxy"}),
            .except = words_of(first_of(environment, {"NO_PROXY", "no_proxy"}))};
}

std::vector<config::Mistake> proxy_mistakes(const Config& config) {
    std::vector<config::Mistake> mistakes;
    const auto look = [&](const std::string& value, const char* variable) {
        if (value.empty() || !config.mirror.proxy.empty()) return;
        const auto proxy = http::Proxy::parse(value);
        if (proxy) return;
        mistakes.push_back({"mirror.proxy",
                            {variable, 0, 0},
                            "the environment's proxy cannot be used: " + proxy.error().where,
                            "set it to http://HOST:PORT, or mirror.proxy to another or to none"});
    };
    look(config.environment.https, "HTTPS_PROXY");
    look(config.environment.http, "http_proxy");
    return mistakes;
}

std::shared_ptr<const http::ProxyRules> proxy_rules(const Config& config) {
    http::ProxyRules rules;
    const auto& own = config.mirror.proxy;
    if (own.empty()) {
        rules.for_https = proxy_of(config.environment.https);
        rules.for_http = proxy_of(config.environment.http);
    } else if (own != k_no_proxy) {
        rules.for_https = rules.for_http = proxy_of(own);
    }
    // Other programs read the environment too, and put in what only they know.
    for (const auto& entry : config.mirror.no_proxy.empty() ? config.environment.except : config.mirror.no_proxy) {
        (void)rules.except.add(entry);
    }
    return std::make_shared<const http::ProxyRules>(std::move(rules));
}

std::shared_ptr<const http::ProxyRules> proxy_rules(const UpstreamConfig& upstream) {
    if (upstream.proxy.empty()) return nullptr;
    http::ProxyRules rules;
    rules.loopback_too = true;
    if (upstream.proxy != k_no_proxy) rules.for_https = rules.for_http = proxy_of(upstream.proxy);
    return std::make_shared<const http::ProxyRules>(std::move(rules));
}

}  // namespace longshore::app

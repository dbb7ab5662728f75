// Which proxies the configuration and the environment name.
//
// `mirror.proxy` wins over the environment, an upstream's own `proxy` over both. From the environment: HTTPS_PROXY (or
// https_proxy) for https, http_proxy for http (never HTTP_PROXY: a CGI server makes that from a client's Proxy field),
// NO_PROXY (or no_proxy) for exceptions. Pure.
#pragma once

#include "app/config.hpp"
#include "http/proxy.hpp"

#include <memory>
#include <span>
#include <vector>

namespace longshore::app {

[[nodiscard]] ProxyEnvironment proxy_environment(std::span<const config::Variable> environment);

// Proxies of the environment that cannot be used; none when the configuration makes them unnecessary.
[[nodiscard]] std::vector<config::Mistake> proxy_mistakes(const Config& config);

// For whatever leaves the mirror; the configuration has been checked.
[[nodiscard]] std::shared_ptr<const http::ProxyRules> proxy_rules(const Config& config);
// For one upstream and where it leads; null: as for the mirror.
[[nodiscard]] std::shared_ptr<const http::ProxyRules> proxy_rules(const UpstreamConfig& upstream);

}  // namespace longshore::app

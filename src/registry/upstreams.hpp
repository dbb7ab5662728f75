// The registries that are mirrored, and which of them a Host means.
//
// `<name>.<base domain>` is the upstream of that name. IP literals, `localhost`, the base domain itself, a missing
// Host and the hosts listed in the options mean the default (docker). Every other Host is nobody's.
// Built at start or reload, then immutable: pointers into it live as long as the table. Safe from any thread.
// Errors: Errc::invalid with the rule that was broken.
#pragma once

#include "base/error.hpp"
#include "http/proxy.hpp"
#include "http/target.hpp"
#include "registry/errors.hpp"
#include "registry/reference.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::registry {

struct Upstream {
    std::string name;                // "docker": a DNS label
    http::Target url;                // "https://registry-1.docker.io/": scheme and authority
    bool completes_library = false;  // `alpine` means `library/alpine` here
    bool private_redirects = false;  // when it is public itself, it may still send us to addresses that are not
    std::shared_ptr<const http::ProxyRules> proxies = {};  // null: as for everything else

    // The name by which this upstream knows the repository, in paths and in token scopes.
    [[nodiscard]] RepositoryName complete(const RepositoryName& asked) const;
};

// "docker=http://127.0.0.1:5600": an upstream of a new name, or another URL for a known one.
struct UpstreamSetting {
    std::string name;
    http::Target url;
    [[nodiscard]] static Result<UpstreamSetting> parse(std::string_view text);
};

struct UpstreamOptions {
    std::string base_domain;                 // "mirror.example.org"; empty: only the default is reached
    std::vector<std::string> default_hosts;  // more hosts that mean the default
    std::vector<UpstreamSetting> settings = {};
    std::vector<std::string> disabled = {};  // names that are not served
    std::vector<std::string> private_redirects = {};
    std::map<std::string, std::shared_ptr<const http::ProxyRules>> proxies = {};
};

class Upstreams {
public:
    [[nodiscard]] static Result<Upstreams> build(UpstreamOptions options);

    // Null when the Host is nobody's. The port does not matter.
    [[nodiscard]] const Upstream* for_host(const http::Authority& host) const noexcept;
    [[nodiscard]] const Upstream* find(std::string_view name) const noexcept;
    [[nodiscard]] const std::vector<Upstream>& all() const noexcept { return all_; }
    [[nodiscard]] const std::string& base_domain() const noexcept { return base_domain_; }

    // 404 with every route in its detail, for a Host that is nobody's.
    [[nodiscard]] Refusal unknown_host(const http::Authority& host) const;

private:
    std::vector<Upstream> all_;  // the eight known ones first, then additions
    std::string base_domain_;
    std::vector<std::string> default_hosts_;
};

}  // namespace longshore::registry

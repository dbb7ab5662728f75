#include "registry/upstreams.hpp"

#include <algorithm>
#include <array>

namespace longshore::registry {
namespace {

struct Known {
    std::string_view name;
    std::string_view url;
    bool completes_library;
};

// The default first.
constexpr std::array k_known{Known{"docker", "https://registry-1.docker.io", true},
                             Known{"quay", "https://quay.io", false},
                             Known{"gcr", "https://gcr.io", false},
                             Known{"k8s-gcr", "https://registry.k8s.io", false},
                             Known{"k8s", "https://registry.k8s.io", false},
                             Known{"ghcr", "https://ghcr.io", false},
                             Known{"cloudsmith", "https://docker.cloudsmith.io", false},
                             Known{"ecr", "https://public.ecr.aws", false}};

bool is_label(std::string_view text) {
    const auto inside = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return !text.empty() && text.size() <= 63 && std::ranges::all_of(text, inside) && text.front() != '-' &&
           text.back() != '-';
}

bool is_ipv4(std::string_view host) {
    int parts = 0;
    while (!host.empty()) {
        const auto dot = std::min(host.find('.'), host.size());
        const auto part = host.substr(0, dot);
        if (part.empty() || part.size() > 3 || part.find_first_not_of("0123456789") != std::string_view::npos) {
            return false;
        }
        ++parts;
        host.remove_prefix(std::min(dot + 1, host.size()));
    }
    return parts == 4;
}

// As http::Authority writes hosts: lower case, no dot at the end, no port.
Result<std::string> canonical_host(std::string_view text) {
    auto authority = http::Authority::parse(text, 0);
    if (!authority || authority->host.empty() || authority->port != 0) {
        return Error{Errc::invalid, "\"" + std::string{text} + "\" is not a host name"};
    }
    return std::move(authority->host);
}

Upstream* find_in(std::vector<Upstream>& all, std::string_view name) {
    const auto found = std::ranges::find(all, name, &Upstream::name);
    return found == all.end() ? nullptr : &*found;
}

}  // namespace

RepositoryName Upstream::complete(const RepositoryName& asked) const {
    if (!completes_library || !asked.one_component()) return asked;
    auto completed = RepositoryName::parse("library/" + asked.text());
    return completed ? std::move(*completed) : asked;
}

Result<UpstreamSetting> UpstreamSetting::parse(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) {
        return Error{Errc::invalid, "upstream \"" + std::string{text} + "\" is not NAME=URL"};
    }
    const auto name = text.substr(0, equals);
    const auto url = text.substr(equals + 1);
    if (!is_label(name)) {
        return Error{Errc::invalid, "upstream name \"" + std::string{name} + "\" must be a-z, 0-9 and - inside"};
    }
    auto target = http::Target::from_url(url);
    if (!target) return Error{Errc::invalid, "upstream " + std::string{name} + ": " + target.error().where};
    if ((target->path != "/" && target->path != "/v2/") || target->has_query) {
        return Error{Errc::invalid, "upstream " + std::string{name} + ": the URL must be scheme and host only"};
    }
    target->path = "/";
    return UpstreamSetting{std::string{name}, std::move(*target)};
}

Result<Upstreams> Upstreams::build(UpstreamOptions options) {
    Upstreams table;
    for (const auto& known : k_known) {
        auto url = http::Target::from_url(known.url);
        if (!url) return url.error();
        table.all_.push_back(
            {.name = std::string{known.name}, .url = std::move(*url), .completes_library = known.completes_library});
    }
    for (auto& setting : options.settings) {
        if (auto* const known = find_in(table.all_, setting.name)) {
            known->url = std::move(setting.url);
        } else {
            table.all_.push_back({.name = std::move(setting.name), .url = std::move(setting.url)});
        }
    }
    for (const auto& name : options.disabled) {
        if (name == table.all_.front().name)
            return Error{Errc::invalid, "upstream " + name + " is the default and cannot be disabled"};
        std::erase_if(table.all_, [&name](const Upstream& upstream) { return upstream.name == name; });
    }
    for (auto& upstream : table.all_) {
        upstream.private_redirects =
            std::ranges::find(options.private_redirects, upstream.name) != options.private_redirects.end();
        if (const auto own = options.proxies.find(upstream.name); own != options.proxies.end()) {
            upstream.proxies = own->second;
        }
    }
    if (!options.base_domain.empty()) {
        auto host = canonical_host(options.base_domain);
        if (!host) return Error{Errc::invalid, "base domain " + host.error().where};
        table.base_domain_ = std::move(*host);
    }
    for (const auto& listed : options.default_hosts) {
        auto host = canonical_host(listed);
        if (!host) return Error{Errc::invalid, "default host " + host.error().where};
        table.default_hosts_.push_back(std::move(*host));
    }
    return table;
}

const Upstream* Upstreams::for_host(const http::Authority& authority) const noexcept {
    const std::string_view host = authority.host;
    if (host.empty() || host.starts_with('[') || host == "localhost" || host == base_domain_ || is_ipv4(host) ||
        std::ranges::find(default_hosts_, host) != default_hosts_.end()) {
        return &all_.front();
    }
    const auto dot = host.find('.');
    if (dot == std::string_view::npos || base_domain_.empty() || host.substr(dot + 1) != base_domain_) return nullptr;
    return find(host.substr(0, dot));
}

const Upstream* Upstreams::find(std::string_view name) const noexcept {
    const auto found = std::ranges::find(all_, name, &Upstream::name);
    return found == all_.end() ? nullptr : &*found;
}

Refusal Upstreams::unknown_host(const http::Authority& host) const {
    std::string routes = R"({"routes":{)";
    const auto add = [&](const std::string& from, const Upstream& upstream) {
        if (!routes.ends_with('{')) routes.push_back(',');
        routes.append(json_string(from)).append(":").append(json_string(upstream.url.to_string()));
    };
    add(base_domain_.empty() ? "localhost" : base_domain_, all_.front());
    for (const auto& upstream : all_) {
        if (!base_domain_.empty()) add(upstream.name + "." + base_domain_, upstream);
    }
    return {404, ErrorCode::name_unknown, "no registry is mirrored under the host " + host.to_string(),
            routes.append("}}")};
}

}  // namespace longshore::registry

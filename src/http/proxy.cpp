#include "http/proxy.hpp"

#include "http/characters.hpp"
#include "http/fields.hpp"

#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <algorithm>
#include <charconv>

namespace longshore::http {
namespace ip = boost::asio::ip;
namespace {

constexpr std::size_t k_longest = 4096;  // bytes of a proxy's URL
constexpr std::uint16_t k_default_port = 80;

Error invalid(std::string_view why) { return {Errc::invalid, std::string{why}}; }

std::string base64(std::string_view text) {
    constexpr std::string_view k_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += 3) {
        const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
        const auto bits = (byte(at) << 16) | (byte(at + 1) << 8) | byte(at + 2);
        for (const unsigned shift : {18U, 12U, 6U, 0U}) out.push_back(k_digits[(bits >> shift) & 63]);
    }
    const auto padding = (3 - text.size() % 3) % 3;
    out.replace(out.size() - padding, padding, padding, '=');
    return out;
}

Result<std::string> decoded(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        char byte = text[at];
        if (byte == '%') {
            const int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
            const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
            if (high < 0 || low < 0) return invalid("credentials: broken percent-encoding");
            byte = static_cast<char>(high * 16 + low);
            at += 2;
        }
        const auto value = static_cast<unsigned char>(byte);
        if (value < 0x20 || value == 0x7f) return invalid("credentials: control character");
        out.push_back(byte);
    }
    return out;
}

// RFC 7617 §2.
Result<std::string> basic_authorization(std::string_view userinfo) {
    const auto colon = userinfo.find(':');
    auto user = decoded(userinfo.substr(0, colon));
    if (!user) return user.error();
    auto password = decoded(colon == std::string_view::npos ? std::string_view{} : userinfo.substr(colon + 1));
    if (!password) return password.error();
    if (user->find(':') != std::string::npos) return invalid("credentials: a colon in the user's name");
    return "Basic " + base64(*user + ":" + *password);
}

std::string_view without_brackets(std::string_view host) {
    return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

// IPv4 inside of IPv6 is the same host.
std::optional<ip::address> address_of(std::string_view host) {
    boost::system::error_code error;
    const auto address = ip::make_address(std::string{without_brackets(host)}, error);
    if (error) return std::nullopt;
    if (address.is_v6() && address.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, address.to_v6());
    return address;
}

bool in_network(const ip::address& address, const ip::address& network, unsigned prefix) {
    if (address.is_v4() != network.is_v4()) return false;
    if (address.is_v4()) {
        const auto length = static_cast<unsigned short>(prefix);
        return ip::make_network_v4(address.to_v4(), length).canonical() ==
               ip::make_network_v4(network.to_v4(), length).canonical();
    }
    const auto length = static_cast<unsigned short>(prefix);
    return ip::make_network_v6(address.to_v6(), length).canonical() ==
           ip::make_network_v6(network.to_v6(), length).canonical();
}

unsigned width_of(const ip::address& address) { return address.is_v4() ? 32 : 128; }

bool is_loopback(std::string_view host) {
    if (host == "localhost" || host.ends_with(".localhost")) return true;
    const auto address = address_of(host);
    return address && address->is_loopback();
}

}  // namespace

Result<Proxy> Proxy::parse(std::string_view text) {
    if (text.size() > k_longest) return invalid("too long");
    if (const auto mark = text.find("://"); mark != std::string_view::npos) {
        const auto scheme = text.substr(0, mark);
        if (same_text(scheme, "https")) return Error{Errc::unsupported, "TLS to the proxy itself is not supported"};
        if (!same_text(scheme, "http")) return Error{Errc::unsupported, "only http:// proxies are supported"};
        text.remove_prefix(mark + 3);
    }
    if (text.ends_with('/')) text.remove_suffix(1);
    Proxy proxy;
    if (const auto at = text.rfind('@'); at != std::string_view::npos) {
        auto authorization = basic_authorization(text.substr(0, at));
        if (!authorization) return authorization.error();
        proxy.authorization = std::move(*authorization);
        text.remove_prefix(at + 1);
    }
    auto authority = Authority::parse(text, 0);
    if (!authority) return authority.error();
    proxy.authority = std::move(*authority);
    if (proxy.authority.port == 0) proxy.authority.port = k_default_port;
    return proxy;
}

Result<> NoProxy::add(std::string_view entry) {
    entry = trimmed(entry);
    if (entry == "*") {
        all_ = true;
        return {};
    }
    if (const auto slash = entry.find('/'); slash != std::string_view::npos) {
        const auto address = address_of(entry.substr(0, slash));
        const auto digits = entry.substr(slash + 1);
        unsigned prefix = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
        if (!address || error != std::errc{} || end != digits.data() + digits.size() || prefix > width_of(*address)) {
            return invalid("not a network");
        }
        networks_.push_back({*address, prefix, 0});
        return {};
    }
    if (const auto address = address_of(entry)) {
        networks_.push_back({*address, width_of(*address), 0});
        return {};
    }
    bool itself = true;
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    if (entry.starts_with('.')) {
        itself = false;
        entry.remove_prefix(1);
    }
    auto authority = Authority::parse(entry, 0);
    if (!authority) return authority.error();
    if (const auto address = address_of(authority->host); address && itself) {
        networks_.push_back({*address, width_of(*address), authority->port});
        return {};
    }
    domains_.push_back({std::move(authority->host), itself, authority->port});
    return {};
}

bool NoProxy::covers(const Target& target) const {
    if (all_) return true;
    const auto port = target.port();
    const auto port_fits = [port](const auto& entry) { return entry.port == 0 || entry.port == port; };
    const std::string_view host = target.authority.host;
    if (const auto address = address_of(host)) {
        return std::ranges::any_of(networks_, [&](const Network& network) {
            return port_fits(network) && in_network(*address, network.address, network.prefix);
        });
    }
    return std::ranges::any_of(domains_, [&](const Domain& domain) {
        if (!port_fits(domain) || !host.ends_with(domain.name)) return false;
        const auto before = host.substr(0, host.size() - domain.name.size());
        return before.empty() ? domain.itself : before.ends_with('.');
    });
}

const Proxy* ProxyRules::for_target(const Target& target) const {
    const auto& proxy = target.scheme == "https" ? for_https : for_http;
    if (!proxy || except.covers(target)) return nullptr;
    if (!loopback_too && is_loopback(target.authority.host)) return nullptr;
    return &*proxy;
}

}  // namespace longshore::http

#include "tls/names.hpp"

#include "tls/identity.hpp"

#include <boost/asio/ip/address.hpp>

namespace longshore::tls {
namespace ip = boost::asio::ip;
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool is_label(std::string_view label) noexcept {
    const auto allowed = [](char c) {
        c = lower(c);
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    return !label.empty() && label.size() <= 63 && std::ranges::all_of(label, allowed);
}

}  // namespace

std::string lower_case(std::string_view text) {
    std::string lowered{text};
    std::ranges::transform(lowered, lowered.begin(), lower);
    return lowered;
}

std::string ip_from_bytes(std::string_view bytes) {
    if (bytes.size() == 4) {
        ip::address_v4::bytes_type address;
        std::ranges::copy(bytes, address.begin());
        return ip::address_v4{address}.to_string();
    }
    if (bytes.size() == 16) {
        ip::address_v6::bytes_type address;
        std::ranges::copy(bytes, address.begin());
        return ip::address_v6{address}.to_string();
    }
    return {};
}

std::string ip_literal(std::string_view host) {
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    const auto address = ip::make_address(host, error);
    if (error) return {};
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return ip::make_address_v4(ip::v4_mapped, address.to_v6()).to_string();
    }
    return address.to_string();
}

std::string normal_host(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    if (auto literal = ip_literal(host); !literal.empty()) return literal;
    return lower_case(host);
}

bool is_dns_name(std::string_view name) noexcept {
    if (name.empty() || name.size() > 253) return false;
    for (;;) {
        const auto dot = name.find('.');
        if (!is_label(name.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        name.remove_prefix(dot + 1);
    }
}

bool any_matches(std::span<const std::string> names, std::string_view host) noexcept {
    return std::ranges::any_of(names, [host](const auto& name) { return name_matches(name, host); });
}

bool name_matches(std::string_view pattern, std::string_view host) noexcept {
    if (equal_ignoring_case(pattern, host)) return true;
    if (!pattern.starts_with("*.")) return false;
    const auto dot = host.find('.');
    if (dot == 0 || dot == std::string_view::npos) return false;
    // "*.0.0.1" stands for no address: the last label of a name is never a number.
    if (host.back() >= '0' && host.back() <= '9') return false;
    return equal_ignoring_case(pattern.substr(2), host.substr(dot + 1));
}

}  // namespace longshore::tls

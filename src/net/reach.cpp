#include "net/reach.hpp"

#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

namespace longshore::net {
namespace ip = boost::asio::ip;
namespace {

struct V4Block {
    std::uint32_t first;
    unsigned prefix;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
    return (a << 24) | (b << 16) | (c << 8) | d;
}

constexpr std::array k_special_v4{
    V4Block{v4(0, 0, 0, 0), 8},         // this network
    V4Block{v4(10, 0, 0, 0), 8},        // private
    V4Block{v4(100, 64, 0, 0), 10},     // shared by carriers; metadata of one cloud
    V4Block{v4(127, 0, 0, 0), 8},       // loopback
    V4Block{v4(168, 63, 129, 16), 32},  // metadata of another cloud
    V4Block{v4(169, 254, 0, 0), 16},    // link-local; metadata of most clouds
    V4Block{v4(172, 16, 0, 0), 12},     // private
    V4Block{v4(192, 0, 0, 0), 24},      // protocol assignments
    V4Block{v4(192, 0, 2, 0), 24},      // documentation
    V4Block{v4(192, 88, 99, 0), 24},    // 6to4 relays, given up
    V4Block{v4(192, 168, 0, 0), 16},    // private
    V4Block{v4(198, 18, 0, 0), 15},     // benchmarks
    V4Block{v4(198, 51, 100, 0), 24},   // documentation
    V4Block{v4(203, 0, 113, 0), 24},    // documentation
    V4Block{v4(224, 0, 0, 0), 4},       // multicast
    V4Block{v4(240, 0, 0, 0), 4},       // reserved, and broadcast
};

bool is_public_v4(std::uint32_t address) noexcept {
    return std::ranges::none_of(k_special_v4, [address](const V4Block& block) {
        return ((address ^ block.first) >> (32 - block.prefix)) == 0;
    });
}

using Bytes = ip::address_v6::bytes_type;

std::uint32_t v4_at(const Bytes& bytes, std::size_t at) noexcept {
    return v4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

bool starts_with(const Bytes& bytes, std::initializer_list<unsigned char> prefix) noexcept {
    return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

bool is_public_v6(const Bytes& bytes) noexcept {
    if (starts_with(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}))
        return is_public_v4(v4_at(bytes, 12));  // mapped
    if (starts_with(bytes, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))
        return is_public_v4(v4_at(bytes, 12));                                   // NAT64
    if (starts_with(bytes, {0x20, 0x02})) return is_public_v4(v4_at(bytes, 2));  // 6to4
    if (starts_with(bytes, {0x20, 0x01}) && bytes[2] < 2) return false;          // protocol assignments, Teredo
    if (starts_with(bytes, {0x20, 0x01, 0x0d, 0xb8})) return false;              // documentation
    if (starts_with(bytes, {0x3f, 0xff}) && bytes[2] < 0x10) return false;       // documentation
    return (bytes[0] & 0xe0) == 0x20;                                            // global unicast
}

}  // namespace

bool is_public(const ip::address& address) noexcept {
    return address.is_v4() ? is_public_v4(address.to_v4().to_uint()) : is_public_v6(address.to_v6().to_bytes());
}

bool may_be_public(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host == "localhost" || host.ends_with(".localhost")) return false;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    const std::string text{host};
    if (const auto address = ip::make_address(text, error); !error) return is_public(address);
    in_addr loose{};
    return ::inet_aton(text.c_str(), &loose) == 0 || is_public_v4(ntohl(loose.s_addr));
}

}  // namespace longshore::net

#include "tls/client_hello.hpp"

#include "tls/names.hpp"

#include <optional>

namespace longshore::tls {
namespace {

using Bytes = std::span<const unsigned char>;

constexpr unsigned char k_host_name = 0;

// Takes a vector with a length of `width` bytes off the front of `rest`.
std::optional<Bytes> take_vector(Bytes& rest, std::size_t width) {
    if (rest.size() < width) return std::nullopt;
    std::size_t length = 0;
    for (const auto byte : rest.first(width)) length = length << 8 | byte;
    if (rest.size() - width < length) return std::nullopt;
    const auto vector = rest.subspan(width, length);
    rest = rest.subspan(width + length);
    return vector;
}

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

Result<std::string> parse_server_name(Bytes extension) {
    const Error damaged{Errc::corrupt, "TLS server name: damaged extension"};
    auto entries = take_vector(extension, 2);
    if (!entries || !extension.empty() || entries->empty()) return damaged;
    // One name of one type is all there is: no other type was ever defined.
    if (entries->front() != k_host_name) return damaged;
    *entries = entries->subspan(1);
    const auto name = take_vector(*entries, 2);
    if (!name || !entries->empty()) return damaged;
    auto host = normal_host(text_of(*name));
    if (!is_dns_name(host) && ip_literal(host).empty()) return Error{Errc::corrupt, "TLS server name: not a host name"};
    return host;
}

Result<std::vector<std::string_view>> parse_alpn(Bytes extension) {
    const Error damaged{Errc::corrupt, "TLS ALPN: damaged extension"};
    auto list = take_vector(extension, 2);
    if (!list || !extension.empty() || list->empty()) return damaged;
    std::vector<std::string_view> protocols;
    while (!list->empty()) {
        const auto protocol = take_vector(*list, 1);
        if (!protocol || protocol->empty()) return damaged;
        protocols.push_back(text_of(*protocol));
    }
    return protocols;
}

}  // namespace longshore::tls

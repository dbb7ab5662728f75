// A proxy's URL, an exception and a proxy's answer of any bytes. What is taken can be written into a request; what is
// read of an answer never passes the end of its head.
#include "http/proxy.hpp"
#include "http/proxy_tunnel.hpp"

#include <cstdlib>

namespace {

using namespace longshore;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_url(std::string_view text) {
    const auto proxy = http::Proxy::parse(text);
    if (!proxy) return;
    require(!proxy->authority.host.empty() && proxy->authority.port != 0);
    for (const char byte : proxy->to_string() + proxy->authorization) require(byte >= ' ' && byte < '\x7f');
    require(proxy->authorization.empty() || proxy->authorization.starts_with("Basic "));
    const auto again = http::Proxy::parse(proxy->to_string());
    require(again && again->authority == proxy->authority);
}

void check_exception(std::string_view text) {
    http::NoProxy list;
    if (!list.add(text)) return;
    for (const auto* url : {"https://registry.example/", "http://192.0.2.1:8080/", "https://[2001:db8::1]/"}) {
        (void)list.covers(http::Target::from_url(url).value());
    }
}

void check_answer(std::string_view bytes) {
    std::size_t at = 0;
    while (at < bytes.size() && !bytes.substr(0, at).ends_with("\r\n\r\n")) {
        at = std::min(at + http::bytes_before_end(bytes.substr(0, at)), bytes.size());
    }
    const auto end = bytes.find("\r\n\r\n");
    require(at == (end == std::string_view::npos ? bytes.size() : end + 4));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    check_url(text);
    check_exception(text);
    check_answer(text);
    return 0;
}

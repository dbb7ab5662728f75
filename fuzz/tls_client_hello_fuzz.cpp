// The extensions of a ClientHello that are read before OpenSSL has judged them. The first byte chooses which.
#include "tls/client_hello.hpp"
#include "tls/names.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace longshore::tls;

namespace {

void server_name(std::span<const unsigned char> extension) {
    const auto name = parse_server_name(extension);
    if (name && normal_host(*name) != *name) std::abort();  // what is looked up must be in its one form
}

void alpn(std::span<const unsigned char> extension) {
    const auto protocols = parse_alpn(extension);
    if (!protocols) return;
    std::size_t total = 2;
    for (const auto protocol : *protocols) total += 1 + protocol.size();
    if (total != extension.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::span<const unsigned char> extension{data + 1, size - 1};
    data[0] % 2 == 0 ? server_name(extension) : alpn(extension);
    return 0;
}

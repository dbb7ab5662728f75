// A token server's answer of any bytes: a token that is taken may stand in a header and has a sane life.
#include "registry/token.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace std::chrono_literals;
    const auto token = longshore::registry::parse_token({reinterpret_cast<const char*>(data), size});
    if (!token) return 0;
    if (token->value.empty() || token->life < 60s || token->life > 24h) std::abort();
    for (const char c : token->value) {
        if (c <= ' ' || c >= '\x7f') std::abort();
    }
    return 0;
}

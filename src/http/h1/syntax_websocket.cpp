#include "http/h1/syntax_websocket.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>

namespace longshore::http::h1 {
namespace {

template <std::size_t N>
std::string base64(const std::array<unsigned char, N>& bytes) {
    std::array<unsigned char, (N + 2) / 3 * 4 + 1> text{};
    const int size = ::EVP_EncodeBlock(text.data(), bytes.data(), static_cast<int>(N));
    return {text.begin(), text.begin() + size};
}

bool is_base64(char byte) noexcept {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '+' || byte == '/';
}

}  // namespace

bool is_valid_websocket_key(std::string_view key) noexcept {
    return key.size() == 24 && key.ends_with("==") && std::all_of(key.begin(), key.end() - 2, is_base64);
}

std::string make_websocket_key() {
    std::array<unsigned char, 16> bytes{};
    if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) throw std::runtime_error("no randomness");
    return base64(bytes);
}

std::string websocket_accept(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, 20> sum{};
    if (::EVP_Digest(text.data(), text.size(), sum.data(), nullptr, ::EVP_sha1(), nullptr) != 1) {
        throw std::runtime_error("SHA-1 is not available");
    }
    return base64(sum);
}

}  // namespace longshore::http::h1

#include "base/digest.hpp"

#include <openssl/evp.h>

#include <charconv>
#include <stdexcept>

namespace longshore {
namespace {

constexpr std::size_t hex_length(Digest::Algorithm algorithm) {
    return algorithm == Digest::Algorithm::sha256 ? 64 : 128;
}

bool lower_hex(std::string_view text) {
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string to_hex(std::span<const unsigned char> bytes) {
    static constexpr std::string_view k_digits = "0123456789abcdef";
    std::string hex;
    hex.reserve(bytes.size() * 2);
    for (const auto byte : bytes) {
        hex.push_back(k_digits[byte >> 4]);
        hex.push_back(k_digits[byte & 15]);
    }
    return hex;
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return Error{Errc::invalid, "digest lacks an algorithm, as in sha256:<hex>"};
    const auto name = text.substr(0, colon);
    const auto hex = text.substr(colon + 1);
    Algorithm algorithm;
    if (name == "sha256") {
        algorithm = Algorithm::sha256;
    } else if (name == "sha512") {
        algorithm = Algorithm::sha512;
    } else {
        return Error{Errc::invalid, "digest algorithm is neither sha256 nor sha512"};
    }
    if (hex.size() != hex_length(algorithm) || !lower_hex(hex)) {
        return Error{Errc::invalid, "digest is not " + std::to_string(hex_length(algorithm)) + " lower-case hex digits"};
    }
    return Digest{algorithm, std::string{hex}};
}

Digest Digest::sha256_of(std::span<const std::byte> bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.finish();
}

std::string Digest::to_string() const {
    std::string text = algorithm_ == Algorithm::sha256 ? "sha256:" : "sha512:";
    return text += hex_;
}

std::size_t Digest::hash() const noexcept {
    std::size_t value = 0;
    std::from_chars(hex_.data(), hex_.data() + 16, value, 16);
    return value;
}

struct Sha256::Context {
    EVP_MD_CTX* evp = EVP_MD_CTX_new();
    Context() {
        if (evp == nullptr || EVP_DigestInit_ex(evp, EVP_sha256(), nullptr) != 1) {
            throw std::runtime_error("SHA-256 is not available in this OpenSSL");
        }
    }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { EVP_MD_CTX_free(evp); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) { EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()); }

Digest Sha256::finish() {
    std::array<unsigned char, 32> out{};
    EVP_DigestFinal_ex(context_->evp, out.data(), nullptr);
    return Digest{Digest::Algorithm::sha256, to_hex(out)};
}

}  // namespace longshore

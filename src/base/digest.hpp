// Content digests as OCI writes them: `sha256:` and 64 lower-case hex digits.
//
// sha256 is what registries use and what is stored; sha512 is registered and parsed, so that it can be refused
// with a precise error. Source: OCI image-spec, descriptor.md, "Digests".
#pragma once

#include "base/error.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace longshore {

class Digest {
public:
    enum class Algorithm : std::uint8_t { sha256, sha512 };

    // Errc::invalid with the reason when `text` is not `algorithm:hex`.
    [[nodiscard]] static Result<Digest> parse(std::string_view text);
    [[nodiscard]] static Digest sha256_of(std::span<const std::byte> bytes);

    [[nodiscard]] Algorithm algorithm() const noexcept { return algorithm_; }
    [[nodiscard]] std::string_view hex() const noexcept { return hex_; }
    [[nodiscard]] std::string to_string() const;
    // Uniform over digests: choosing a loop or a shard.
    [[nodiscard]] std::size_t hash() const noexcept;

    friend bool operator==(const Digest&, const Digest&) = default;
    friend auto operator<=>(const Digest&, const Digest&) = default;

private:
    friend class Sha256;
    Digest(Algorithm algorithm, std::string hex) : algorithm_(algorithm), hex_(std::move(hex)) {}

    Algorithm algorithm_;
    std::string hex_;
};

// A SHA-256 in progress. Not thread-safe; may move between threads between calls.
class Sha256 {
public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();

    void update(std::span<const std::byte> bytes);
    // Ends the hash; the object may only be destroyed afterwards.
    [[nodiscard]] Digest finish();

private:
    struct Context;
    std::unique_ptr<Context> context_;
};

}  // namespace longshore

template <>
struct std::hash<longshore::Digest> {
    std::size_t operator()(const longshore::Digest& digest) const noexcept { return digest.hash(); }
};

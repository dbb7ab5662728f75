// What is known about a blob on disk, kept beside it.
//
// The facts are those of the file when its digest was last found right: an equal file needs no second hash. The
// vouchers are the repositories whose upstream served or confirmed this blob; a digest alone proves no right to read.
// Written as one line of JSON and a checksum, so that a torn or rotten record reads as Errc::corrupt.
// Threads: a value.
#pragma once

#include "base/error.hpp"
#include "base/files.hpp"
#include "registry/reference.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::registry {

struct Voucher {
    std::string upstream;  // Upstream::name
    RepositoryName repository;
    friend bool operator==(const Voucher&, const Voucher&) = default;
};

struct BlobRecord {
    static constexpr std::size_t k_most_vouchers = 4096;
    static constexpr std::size_t k_largest = std::size_t{2} * 1024 * 1024;  // bytes, as text

    FileFacts facts;                // all zero: never verified
    std::vector<Voucher> vouchers;  // oldest first

    [[nodiscard]] bool vouched(std::string_view upstream, const RepositoryName& repository) const noexcept;
    // False when it stood there already. Drops the oldest above the limit.
    bool add(const Voucher& voucher);

    [[nodiscard]] std::string to_text() const;
    [[nodiscard]] static Result<BlobRecord> parse(std::string_view text);
};

}  // namespace longshore::registry

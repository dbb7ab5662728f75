// A blob on its way from upstream to one client without being stored: for when the disk does not take it.
//
// What the client wants of it is passed on as it comes; all of it is hashed on the disk pool, and the last wanted byte
// waits until the digest agrees. A wrong or broken blob ends with an error, never cleanly.
//
// Threads: one loop. Errors: the body's; corrupt when length or digest are not as they should be.
#pragma once

#include "base/digest.hpp"
#include "base/disk_pool.hpp"
#include "http/message.hpp"

#include <cstdint>
#include <optional>

namespace longshore::registry {

class Passing final : public http::BodySource {
public:
    // `whole` is all of the blob; `disk` outlives it.
    Passing(http::Body whole, Digest digest, DiskPool& disk)
        : whole_(std::move(whole)), digest_(std::move(digest)), disk_(disk) {}

    // Before the first `next`: bytes [first, end) are wanted, or all from `first`.
    void select(std::uint64_t first, std::optional<std::uint64_t> end) noexcept {
        first_ = first;
        end_ = end;
    }

    [[nodiscard]] Task<Result<http::BodyEvent>> next(std::size_t at_most) override;
    void cancel(Errc) noexcept override {}

private:
    [[nodiscard]] std::optional<net::Chunk> pass(const net::Chunk& chunk);
    [[nodiscard]] Task<Result<>> prove();

    http::Body whole_;
    Digest digest_;
    DiskPool& disk_;
    std::uint64_t first_ = 0;
    std::optional<std::uint64_t> end_;
    std::uint64_t arrived_ = 0;       // bytes
    std::optional<net::Chunk> held_;  // the last wanted bytes, as far as is known
    bool proved_ = false;
    Sha256 hash_;
};

}  // namespace longshore::registry

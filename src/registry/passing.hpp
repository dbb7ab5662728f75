// A blob on its way from upstream to one client without being stored: for when the disk does not take it.
//
// What the client wants of it is passed on as it comes; all of it is hashed on the disk pool, and the last wanted byte
// waits until the digest agrees. A wrong or broken blob ends with an error, never cleanly. Its beginning may be here
// already, in a file: then only the rest comes from upstream, and what is in the file is hashed before it.
//
// Threads: one loop. Errors: the body's; corrupt when length or digest are not as they should be.
#pragma once

#include "base/digest.hpp"
#include "base/disk_pool.hpp"
#include "base/files.hpp"
#include "http/message.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace longshore::registry {

// The beginning of a blob that is here already.
struct BegunBlob {
    std::shared_ptr<const File> file;
    std::uint64_t size = 0;  // bytes of the blob that it holds
};

class Passing final : public http::BodySource {
public:
    // `body` is all of the blob, or all that follows `begun`; `disk` outlives it.
    Passing(http::Body body, Digest digest, DiskPool& disk, BegunBlob begun = {})
        : body_(std::move(body)),
          digest_(std::move(digest)),
          disk_(disk),
          begun_(std::move(begun)),
          arrived_(begun_.size) {}

    // Before the first `next`: bytes [first, end) are wanted, or all from `first`, which lies behind what is begun.
    void select(std::uint64_t first, std::optional<std::uint64_t> end) noexcept {
        first_ = first;
        end_ = end;
    }

    [[nodiscard]] Task<Result<http::BodyEvent>> next(std::size_t at_most) override;
    void cancel(Errc) noexcept override {}

private:
    [[nodiscard]] std::optional<net::Chunk> pass(const net::Chunk& chunk);
    [[nodiscard]] Task<Result<>> hash_begun();
    [[nodiscard]] Task<Result<>> prove();

    http::Body body_;
    Digest digest_;
    DiskPool& disk_;
    BegunBlob begun_;
    std::uint64_t hashed_ = 0;  // bytes of it
    std::uint64_t first_ = 0;
    std::optional<std::uint64_t> end_;
    std::uint64_t arrived_;           // bytes
    std::optional<net::Chunk> held_;  // the last wanted bytes, as far as is known
    bool proved_ = false;
    Sha256 hash_;
};

}  // namespace longshore::registry

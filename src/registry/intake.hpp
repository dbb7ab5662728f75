// The way of a blob's bytes from the network to the disk: read on the loop, hashed and written on the disk pool.
//
// Both sides work at the same time, with a bounded queue between them. What has gathered is written in batches that
// start small and grow: the first bytes are on their way to readers at once, and a fast upstream costs few hops.
//
// Threads: the loop it is made on. Errors: the body's, or the disk's; corrupt when the length or the digest is not
//          as it should be.
#pragma once

#include "base/digest.hpp"
#include "base/disk_pool.hpp"
#include "http/message.hpp"
#include "net/wait.hpp"
#include "registry/blob_store.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace longshore::registry {

class Intake {
public:
    // Bytes that intakes of one loop share: the more there are when one starts, the smaller its batches, to a floor.
    static constexpr std::size_t k_memory = std::size_t{48} * 1024 * 1024;
    static constexpr std::size_t k_largest_batch = std::size_t{1024} * 1024;  // bytes
    static constexpr std::size_t k_smallest_batch = std::size_t{64} * 1024;   // bytes

    struct Watchers {
        std::function<void(std::span<const std::byte>)> first;  // told the first bytes, before they are written
        std::function<void(std::uint64_t)> grown;               // told the bytes in the file after each write
    };

    // All outlive it. `at_once` is how many intakes run now.
    Intake(http::Body& body, BlobWriter& writer, DiskPool& disk, std::size_t at_once, Watchers watchers);

    // Ends when the whole body is written and hashed: its digest.
    [[nodiscard]] Task<Result<Digest>> run();
    // After a failure of `run`: it was the disk's.
    [[nodiscard]] bool disk_failed() const noexcept { return disk_failed_; }

private:
    [[nodiscard]] static Task<> read(Intake& self);
    [[nodiscard]] Task<Result<>> write();
    [[nodiscard]] std::vector<net::Chunk> take_batch();

    http::Body& body_;
    BlobWriter& writer_;
    DiskPool& disk_;
    Watchers watchers_;
    std::vector<net::Chunk> queue_;
    std::size_t queued_ = 0;                            // bytes
    std::size_t batch_limit_;                           // bytes hashed and written in one go; twice that may wait
    std::size_t batch_bytes_ = std::size_t{16} * 1024;  // of the next batch
    bool begun_ = false;
    bool ended_ = false;
    bool given_up_ = false;
    bool disk_failed_ = false;
    std::optional<Error> read_failure_;
    net::Event changed_;
    Sha256 hash_;
};

}  // namespace longshore::registry

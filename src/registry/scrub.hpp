// A slow walk over all blobs that hashes them again, for rot that leaves no trace in a file's facts.
//
// `step` reads at most what the rate allows since the last step (never more than one second's worth), so it may be
// called as often as one likes. A blob that is right but whose record is out of date is confirmed. A blob that is
// wrong, or cannot be read, is reported: the caller drops it (BlobStore::drop) and counts it.
//
// Ownership: the store outlives the scrub. At most one file is open between steps.
// Threads:   one caller at a time; steps block (disk pool).
// Errors:    what listing a shard fails with; that shard is skipped by the next step.
#pragma once

#include "base/clock.hpp"
#include "registry/blob_store.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::registry {

struct Rotten {
    Digest digest;
    FileFacts facts;
    std::string why;
};

struct ScrubReport {
    std::uint64_t bytes = 0;     // hashed in this step
    std::uint64_t blobs = 0;     // finished in this step
    std::vector<Rotten> rotten;  // of those
    bool round_ended = false;    // the walk has been through every shard
};

class Scrub {
public:
    // Continues behind `cursor` (see below); an empty one starts at the beginning.
    Scrub(BlobStore& store, std::uint64_t bytes_per_second, Deadline now, std::string_view cursor = {});

    [[nodiscard]] Result<ScrubReport> step(Deadline now);
    // Where the walk is: the hex of the last finished blob. Keep it to go on there after a restart.
    [[nodiscard]] const std::string& cursor() const noexcept { return cursor_; }

private:
    struct Current {
        Digest digest;
        StoredBlob blob;
        Sha256 hash;
        std::uint64_t offset = 0;  // bytes
    };

    void earn(Deadline now);
    [[nodiscard]] Result<bool> next_blob(ScrubReport& report);
    [[nodiscard]] bool begin(Digest digest, ScrubReport& report);
    void read_some(ScrubReport& report);
    void give_up(const Error& error, ScrubReport& report);
    void finish(ScrubReport& report);
    void leave(ScrubReport& report);

    BlobStore& store_;
    std::uint64_t rate_;           // bytes per second
    std::uint64_t allowance_ = 0;  // bytes
    Deadline last_;
    std::string cursor_;
    unsigned shard_ = 0;
    std::optional<std::vector<Digest>> waiting_;  // of the shard, last first; nothing: not listed
    std::optional<Current> current_;
    std::vector<std::byte> buffer_;
};

}  // namespace longshore::registry

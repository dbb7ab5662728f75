// Blobs on disk, addressed by digest, each with a record of who vouches for it.
//
// A writer streams into a private temporary file that readers may follow; `commit` makes it a blob: sync, rename,
// record, sync of the names. A blob in its place is therefore whole, also after a power loss. Opening the store
// looks at no blob. A blob whose file differs from its record (or has none) is `unchanged == false`: the caller
// hashes it before its last bytes leave, then says `confirm` or `drop`.
//
//   blobs/sha256/<2 hex>/<64 hex>/{data,record}
//
// Ownership: a StoredBlob keeps its file open; dropping or replacing the blob does not disturb it.
// Threads:   safe from any thread; calls block (disk pool). Changes to one blob wait for each other, `open` for none.
// Errors:    not_found, unsupported (not sha256), corrupt (commit of other bytes), too_large and io (disk full
//            included), each naming the file. After a failure the store is as before or as after the call.
#pragma once

#include "base/digest.hpp"
#include "base/files.hpp"
#include "registry/blob_record.hpp"
#include "registry/staging.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace longshore::registry {

struct StoredBlob {
    std::shared_ptr<const File> file;
    FileFacts facts;                   // now
    std::optional<BlobRecord> record;  // absent: unverified, and nobody vouches
    bool unchanged = false;            // as it was when its digest was last found right
};

class BlobStore;

// One blob on its way in. Used by one thread at a time; destroying it abandons what was not committed.
class BlobWriter {
public:
    // The size, when it is known only now.
    void expect(std::optional<std::uint64_t> size) noexcept { expected_ = size; }
    // The parts one after another. Errc::too_large past the expected size.
    [[nodiscard]] Result<> append(std::span<const std::span<const std::byte>> parts);
    [[nodiscard]] Result<> append(std::span<const std::byte> bytes) { return append({&bytes, 1}); }
    // `verified` is the digest of everything appended; Errc::corrupt when it, or the length, is not what was begun.
    // The voucher list may be empty; vouchers of a blob that is replaced stay.
    [[nodiscard]] Result<StoredBlob> commit(const Digest& verified, std::span<const Voucher> vouchers);
    void abandon() noexcept { staged_.abandon(); }
    // Committed or abandoned: no file of its own is left.
    [[nodiscard]] bool settled() const noexcept { return staged_.settled(); }

    // The growing file, for readers that follow; it stays good after commit and after abandon.
    [[nodiscard]] std::shared_ptr<const File> file() const noexcept { return staged_.file(); }
    [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
    [[nodiscard]] const Digest& digest() const noexcept { return digest_; }

private:
    friend class BlobStore;
    BlobWriter(BlobStore& store, StagedFile staged, Digest digest, std::optional<std::uint64_t> expected)
        : store_(&store), staged_(std::move(staged)), digest_(std::move(digest)), expected_(expected) {}

    BlobStore* store_;
    StagedFile staged_;
    Digest digest_;
    std::optional<std::uint64_t> expected_;  // bytes
    std::uint64_t written_ = 0;              // bytes
};

class BlobStore {
public:
    // `directory` is the data directory. `files` and `staging` outlive the store, the store its writers.
    [[nodiscard]] static Result<std::unique_ptr<BlobStore>> open_store(Files& files, Staging& staging,
                                                                       const std::string& directory);

    // Makes its directory in `directory` durably when it is missing, as when the data directory has vanished meanwhile.
    [[nodiscard]] static Result<> make_root(Files& files, const std::string& directory);

    [[nodiscard]] Result<StoredBlob> open(const Digest& digest);
    [[nodiscard]] Result<BlobWriter> begin(const Digest& digest, std::optional<std::uint64_t> expected_size);

    // A power loss may take the newest vouchers, never the record: each costs one question upstream.
    [[nodiscard]] Result<> vouch(const Digest& digest, const Voucher& voucher);
    // The file with these facts was hashed again and is right.
    [[nodiscard]] Result<> confirm(const Digest& digest, const FileFacts& facts);
    // Removes the blob if it is still the file that was `seen` (no facts: one that does not open), and what is left of
    // a blob without data. Whether this call removed it.
    [[nodiscard]] Result<bool> drop(const Digest& digest, const FileFacts& seen);

    // The digests that start with this byte, in order. For walks; not all of them need have data.
    [[nodiscard]] Result<std::vector<Digest>> shard(std::uint8_t first_byte);

private:
    friend class BlobWriter;
    BlobStore(Files& files, Staging& staging, std::string root)
        : files_(files), staging_(staging), root_(std::move(root)) {}

    [[nodiscard]] Result<StoredBlob> commit(StagedFile& staged, const Digest& digest,
                                            std::span<const Voucher> vouchers);
    [[nodiscard]] Result<StoredBlob> put_in_place(StagedFile& staged, const Digest& digest,
                                                  std::span<const Voucher> vouchers);
    [[nodiscard]] Result<StoredBlob> add_vouchers(StoredBlob known, const Digest& digest,
                                                  std::span<const Voucher> vouchers);
    [[nodiscard]] Result<std::optional<BlobRecord>> read_record(const Digest& digest);
    [[nodiscard]] Result<BlobRecord> record_of_existing(const Digest& digest);
    [[nodiscard]] Result<> write_record(const Digest& digest, const BlobRecord& record);
    [[nodiscard]] Result<> remove_all(const Digest& digest);
    [[nodiscard]] std::string place(const Digest& digest) const;
    [[nodiscard]] std::mutex& lock_of(const Digest& digest) noexcept;

    Files& files_;
    Staging& staging_;
    std::string root_;
    std::array<std::mutex, 64> locks_;
};

}  // namespace longshore::registry

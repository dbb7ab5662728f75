#include "registry/blob_store.hpp"

#include <algorithm>

namespace longshore::registry {
namespace {

Error with_digest(const Digest& digest, Errc code, std::string_view why) {
    return {code, "blob " + digest.to_string() + ": " + std::string{why}};
}

Result<> storable(const Digest& digest) {
    if (digest.algorithm() == Digest::Algorithm::sha256) return {};
    return with_digest(digest, Errc::unsupported, "only sha256 is stored");
}

bool missing(const Error& error) { return error.code == Errc::not_found; }

// Not for want of descriptors or memory: this file, as long as it lies there.
bool unreadable(const Error& error) { return error.code == Errc::io || error.code == Errc::denied; }

std::string root_in(const std::string& directory) { return directory + "/blobs/sha256"; }

std::string shard_name(std::uint8_t first_byte) {
    static constexpr std::string_view k_digits = "0123456789abcdef";
    return {k_digits[first_byte >> 4], k_digits[first_byte & 15]};
}

}  // namespace

Result<> BlobWriter::append(std::span<const std::span<const std::byte>> parts) {
    std::uint64_t bytes = 0;
    for (const auto& part : parts) bytes += part.size();
    if (expected_ && bytes > *expected_ - written_) {
        return with_digest(digest_, Errc::too_large, "more bytes than were announced");
    }
    if (auto wrote = staged_.file()->write_parts_at(written_, parts); !wrote) return wrote;
    written_ += bytes;
    return {};
}

Result<StoredBlob> BlobWriter::commit(const Digest& verified, std::span<const Voucher> vouchers) {
    auto stored = [&]() -> Result<StoredBlob> {
        if (verified != digest_) return with_digest(digest_, Errc::corrupt, "the bytes are " + verified.to_string());
        if (expected_ && written_ != *expected_)
            return with_digest(digest_, Errc::corrupt, "fewer bytes than announced");
        if (auto synced = staged_.file()->sync(); !synced) return synced.error();
        return store_->commit(staged_, digest_, vouchers);
    }();
    staged_.abandon();
    return stored;
}

Result<> BlobStore::make_root(Files& files, const std::string& directory) {
    const auto root = root_in(directory);
    if (auto made = files.make_directories(root); !made) return made;
    return sync_names(files, root, directory);
}

Result<std::unique_ptr<BlobStore>> BlobStore::open_store(Files& files, Staging& staging, const std::string& directory) {
    if (auto made = make_root(files, directory); !made) return made.error();
    return std::unique_ptr<BlobStore>{new BlobStore{files, staging, root_in(directory)}};
}

std::string BlobStore::place(const Digest& digest) const {
    return std::string{root_}.append("/").append(digest.hex().substr(0, 2)).append("/").append(digest.hex());
}

std::mutex& BlobStore::lock_of(const Digest& digest) noexcept { return locks_[digest.hash() % locks_.size()]; }

Result<std::optional<BlobRecord>> BlobStore::read_record(const Digest& digest) {
    const auto text = read_whole(files_, place(digest) + "/record", BlobRecord::k_largest);
    if (!text && (missing(text.error()) || text.error().code == Errc::too_large)) return std::nullopt;
    if (!text) return text.error();
    auto record = BlobRecord::parse(*text);
    if (!record) return std::nullopt;
    return std::move(*record);
}

Result<StoredBlob> BlobStore::open(const Digest& digest) {
    if (auto right = storable(digest); !right) return right.error();
    auto file = files_.open(place(digest) + "/data");
    if (!file && missing(file.error())) return with_digest(digest, Errc::not_found, "not stored");
    if (!file) return file.error();
    const auto facts = (*file)->facts();
    if (!facts) return facts.error();
    auto record = read_record(digest);
    // A record that cannot be read is as good as none: the blob can still be proven by its bytes.
    if (!record && !unreadable(record.error())) return record.error();
    StoredBlob blob{std::move(*file), *facts, record ? std::move(*record) : std::nullopt};
    blob.unchanged = blob.record && blob.record->facts == blob.facts;
    return blob;
}

Result<BlobWriter> BlobStore::begin(const Digest& digest, std::optional<std::uint64_t> expected_size) {
    if (auto right = storable(digest); !right) return right.error();
    auto staged = staging_.create();
    if (!staged) return staged.error();
    return BlobWriter{*this, std::move(*staged), digest, expected_size};
}

Result<StoredBlob> BlobStore::commit(StagedFile& staged, const Digest& digest, std::span<const Voucher> vouchers) {
    const std::lock_guard guard{lock_of(digest)};
    auto known = open(digest);
    if (!known && !missing(known.error())) return known.error();
    if (known && known->unchanged) return add_vouchers(std::move(*known), digest, vouchers);
    auto stored = put_in_place(staged, digest, vouchers);
    if (stored) return stored;
    // What was there before stays; what was not, goes.
    if (!known) (void)remove_all(digest);
    return stored;
}

Result<StoredBlob> BlobStore::add_vouchers(StoredBlob known, const Digest& digest, std::span<const Voucher> vouchers) {
    bool changed = false;
    for (const auto& voucher : vouchers) changed = known.record->add(voucher) || changed;
    if (!changed) return known;
    if (auto written = write_record(digest, *known.record); !written) return written.error();
    return known;
}

Result<StoredBlob> BlobStore::put_in_place(StagedFile& staged, const Digest& digest,
                                           std::span<const Voucher> vouchers) {
    const auto data = place(digest) + "/data";
    auto record = read_record(digest);
    if (!record) return record.error();
    StoredBlob blob{staged.file(), {}, std::move(*record).value_or(BlobRecord{})};
    for (const auto& voucher : vouchers) blob.record->add(voucher);
    if (auto moved = staged.move_to(data); !moved) return moved.error();
    // The rename has changed the file's ctime: only now are these the facts that last.
    const auto facts = staged.file()->facts();
    if (!facts) return facts.error();
    blob.facts = blob.record->facts = *facts;
    if (auto written = write_record(digest, *blob.record); !written) return written.error();
    if (auto synced = sync_names(files_, data, root_); !synced) return synced.error();
    blob.unchanged = true;
    return blob;
}

Result<> BlobStore::write_record(const Digest& digest, const BlobRecord& record) {
    return staging_.replace(place(digest) + "/record", record.to_text());
}

Result<BlobRecord> BlobStore::record_of_existing(const Digest& digest) {
    const auto file = files_.open(place(digest) + "/data");
    if (!file && missing(file.error())) return with_digest(digest, Errc::not_found, "not stored");
    if (!file) return file.error();
    auto record = read_record(digest);
    if (!record) return record.error();
    return std::move(*record).value_or(BlobRecord{});
}

Result<> BlobStore::vouch(const Digest& digest, const Voucher& voucher) {
    if (auto right = storable(digest); !right) return right;
    const std::lock_guard guard{lock_of(digest)};
    auto record = record_of_existing(digest);
    if (!record) return record.error();
    return record->add(voucher) ? write_record(digest, *record) : Result<>{};
}

Result<> BlobStore::confirm(const Digest& digest, const FileFacts& facts) {
    if (auto right = storable(digest); !right) return right;
    const std::lock_guard guard{lock_of(digest)};
    auto record = record_of_existing(digest);
    if (!record) return record.error();
    record->facts = facts;
    return write_record(digest, *record);
}

Result<bool> BlobStore::drop(const Digest& digest, const FileFacts& seen) {
    if (auto right = storable(digest); !right) return right.error();
    const std::lock_guard guard{lock_of(digest)};
    const auto file = files_.open(place(digest) + "/data");
    const bool hopeless = !file && unreadable(file.error());
    if (!file && !hopeless && !missing(file.error())) return file.error();
    if (hopeless && seen != FileFacts{}) return file.error();
    if (file) {
        const auto facts = (*file)->facts();
        if (!facts) return facts.error();
        if (facts->inode != seen.inode) return false;
    }
    if (auto removed = remove_all(digest); !removed) return removed.error();
    return file || hopeless;
}

Result<> BlobStore::remove_all(const Digest& digest) {
    const auto directory = place(digest);
    auto removed = files_.remove(directory + "/data");
    if (!removed && !missing(removed.error())) return removed;
    // Rot must not come back with the power, so the name goes for good before the record does.
    auto synced = removed ? files_.sync_directory(directory) : Result<>{};
    auto record = files_.remove(directory + "/record");
    (void)files_.remove(directory);
    if (!synced) return synced;
    return record || missing(record.error()) ? Result<>{} : record;
}

Result<std::vector<Digest>> BlobStore::shard(std::uint8_t first_byte) {
    const auto entries = files_.list(root_ + "/" + shard_name(first_byte));
    if (!entries && missing(entries.error())) return std::vector<Digest>{};
    if (!entries) return entries.error();
    std::vector<Digest> digests;
    for (const auto& entry : *entries) {
        auto digest = Digest::parse("sha256:" + entry.name);
        if (digest) digests.push_back(std::move(*digest));
    }
    std::ranges::sort(digests);
    return digests;
}

}  // namespace longshore::registry

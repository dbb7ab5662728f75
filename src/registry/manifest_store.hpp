// Manifests and tags on disk, by upstream and repository.
//
// A manifest is kept as the exact bytes that upstream sent, with their Content-Type; it is hashed again whenever it
// is loaded, and one that does not match is removed and not found. A tag remembers which digest it meant and when
// that was last checked with upstream.
//
//   manifests/<upstream>/<repository>/_digests/sha256/<64 hex>    one line of JSON, its checksum, the bytes
//   manifests/<upstream>/<repository>/_tags/<tag>                 one line of JSON, its checksum
//
// Threads: safe from any thread; calls block (disk pool). Two writers of one tag: one of them wins whole.
// Errors:  not_found, unsupported (not sha256), too_large, corrupt (put of other bytes), io (disk full included),
//          each naming the file. After a failure the store is as before or as after the call.
#pragma once

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/files.hpp"
#include "registry/reference.hpp"
#include "registry/staging.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace longshore::registry {

struct Manifest {
    Digest digest;
    std::string media_type;  // upstream's Content-Type, unchanged
    std::string bytes;
};

struct TagEntry {
    Digest digest;
    std::string media_type;
    std::uint64_t size = 0;  // bytes of the manifest
    WallTime fetched;        // when the tag came to mean this digest here
    WallTime checked;        // when upstream last said so; both to the millisecond
    friend bool operator==(const TagEntry&, const TagEntry&) = default;
};

// Where a manifest lives.
struct ManifestPlace {
    std::string upstream;  // Upstream::name
    RepositoryName repository;
};

class ManifestStore {
public:
    static constexpr std::size_t k_largest_manifest = std::size_t{4} * 1024 * 1024;  // bytes

    // `directory` is the data directory. `files` and `staging` outlive the store.
    [[nodiscard]] static Result<std::unique_ptr<ManifestStore>> open_store(Files& files, Staging& staging,
                                                                           const std::string& directory);

    // Makes its directory in `directory` durably when it is missing, as when the data directory has vanished meanwhile.
    [[nodiscard]] static Result<> make_root(Files& files, const std::string& directory);

    // Durable when it returns. Errc::corrupt when the bytes do not have that digest.
    [[nodiscard]] Result<> put_manifest(const ManifestPlace& place, const Manifest& manifest);
    [[nodiscard]] Result<Manifest> get_manifest(const ManifestPlace& place, const Digest& digest);
    [[nodiscard]] Result<> drop_manifest(const ManifestPlace& place, const Digest& digest);

    // Durable when the digest is new; a later `checked` alone may be lost with the power.
    [[nodiscard]] Result<> put_tag(const ManifestPlace& place, const Tag& tag, const TagEntry& entry);
    [[nodiscard]] Result<TagEntry> get_tag(const ManifestPlace& place, const Tag& tag);
    [[nodiscard]] Result<> drop_tag(const ManifestPlace& place, const Tag& tag);

private:
    ManifestStore(Files& files, Staging& staging, std::string root)
        : files_(files), staging_(staging), root_(std::move(root)) {}

    [[nodiscard]] std::string manifest_path(const ManifestPlace& place, const Digest& digest) const;
    [[nodiscard]] std::string tag_path(const ManifestPlace& place, const Tag& tag) const;
    [[nodiscard]] Result<> put_durably(const std::string& path, std::string_view content);
    [[nodiscard]] Result<> remove(const std::string& path);

    Files& files_;
    Staging& staging_;
    std::string root_;
};

}  // namespace longshore::registry

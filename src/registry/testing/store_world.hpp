// A data directory in memory with the registry's stores on it, for tests of what survives.
//
// `files` fails and counts, `memory` forgets unsynced data. `restart` is what a new process does: the old stores
// are gone and leftovers are removed.
#pragma once

#include "base/testing/faulty_files.hpp"
#include "base/testing/memory_files.hpp"
#include "registry/blob_store.hpp"
#include "registry/manifest_store.hpp"
#include "registry/staging.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace longshore::registry::testing {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }
inline Digest digest_of(std::string_view text) { return Digest::sha256_of(bytes_of(text)); }
inline RepositoryName name(std::string_view text) { return RepositoryName::parse(text).value(); }
inline Voucher voucher(std::string_view repository) { return {"docker", name(repository)}; }

struct StoreWorld {
    longshore::testing::MemoryFiles memory;
    longshore::testing::FaultyFiles files{memory};
    std::unique_ptr<Staging> staging;
    std::unique_ptr<BlobStore> blobs;
    std::unique_ptr<ManifestStore> manifests;

    StoreWorld() {
        EXPECT_TRUE(memory.make_directories("/data"));
        EXPECT_TRUE(memory.sync_directory("/"));
        EXPECT_TRUE(restart());
    }

    [[nodiscard]] Result<> restart() {
        manifests.reset();
        blobs.reset();
        staging.reset();
        auto staged = Staging::open(files, "/data/tmp");
        if (!staged) return staged.error();
        staging = std::move(*staged);
        auto blob_store = BlobStore::open_store(files, *staging, "/data");
        if (!blob_store) return blob_store.error();
        blobs = std::move(*blob_store);
        auto manifest_store = ManifestStore::open_store(files, *staging, "/data");
        if (!manifest_store) return manifest_store.error();
        manifests = std::move(*manifest_store);
        return {};
    }

    [[nodiscard]] Result<StoredBlob> put(std::string_view text, std::initializer_list<Voucher> vouchers = {}) {
        const auto digest = digest_of(text);
        auto writer = blobs->begin(digest, text.size());
        if (!writer) return writer.error();
        const auto half = text.size() / 2;
        if (auto wrote = writer->append(bytes_of(text.substr(0, half))); !wrote) return wrote.error();
        if (auto wrote = writer->append(bytes_of(text.substr(half))); !wrote) return wrote.error();
        return writer->commit(digest, vouchers);
    }

    // Nothing when the blob is not there.
    [[nodiscard]] std::optional<std::string> content(const Digest& digest) {
        const auto blob = blobs->open(digest);
        if (!blob) return std::nullopt;
        std::string text(blob->facts.size, '\0');
        EXPECT_EQ(blob->file->read_at(0, std::as_writable_bytes(std::span{text})).value(), text.size());
        return text;
    }

    [[nodiscard]] std::string data_path(const Digest& digest) const {
        return "/data/blobs/sha256/" + std::string{digest.hex().substr(0, 2)} + "/" + std::string{digest.hex()} +
               "/data";
    }
    [[nodiscard]] std::string record_path(const Digest& digest) const {
        const auto data = data_path(digest);
        return data.substr(0, data.size() - 4) + "record";
    }
    [[nodiscard]] bool has_staged_files() {
        const auto staged = memory.list("/data/tmp");
        return staged && !staged->empty();
    }
};

}  // namespace longshore::registry::testing

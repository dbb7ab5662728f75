// The mirror's directory: where files are staged, blobs and manifests.
//
// Ownership: `files` outlives it. It goes last of all that uses the stores.
// Threads:   open at start; the stores are safe from any thread.
// Errors:    those of the stores, each naming the file.
#pragma once

#include "registry/blob_store.hpp"
#include "registry/manifest_store.hpp"
#include "registry/staging.hpp"

#include <memory>
#include <string>

namespace longshore::registry {

struct Stores {
    std::unique_ptr<Staging> staging;
    std::unique_ptr<BlobStore> blobs;
    std::unique_ptr<ManifestStore> manifests;

    // Makes what is missing, durably; also later, when the directory vanishes while it is in use. `restore` then makes
    // what it stands in.
    [[nodiscard]] static Result<Stores> open(Files& files, const std::string& directory,
                                             Staging::Leftovers leftovers = Staging::Leftovers::remove,
                                             Staging::Restore restore = nullptr);
};

}  // namespace longshore::registry

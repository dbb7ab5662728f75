#include "registry/stores.hpp"

namespace longshore::registry {
namespace {

Result<> make_directory(Files& files, const std::string& directory) {
    if (auto made = files.make_directories(directory); !made) return made;
    return files.sync_directory(directory.substr(0, directory.find_last_of('/')));
}

Result<> make_all(Files& files, const std::string& directory) {
    if (auto made = make_directory(files, directory); !made) return made;
    if (auto made = BlobStore::make_root(files, directory); !made) return made;
    return ManifestStore::make_root(files, directory);
}

}  // namespace

Result<Stores> Stores::open(Files& files, const std::string& directory, Staging::Leftovers leftovers,
                              Staging::Restore restore) {
    if (auto made = make_directory(files, directory); !made) return made.error();
    auto again = [&files, directory, restore = std::move(restore)]() -> Result<> {
        if (restore) {
            if (auto restored = restore(); !restored) return restored;
        }
        return make_all(files, directory);
    };
    auto staging = Staging::open(files, directory + "/tmp", leftovers, std::move(again));
    if (!staging) return staging.error();
    auto blobs = BlobStore::open_store(files, **staging, directory);
    if (!blobs) return blobs.error();
    auto manifests = ManifestStore::open_store(files, **staging, directory);
    if (!manifests) return manifests.error();
    return Stores{std::move(*staging), std::move(*blobs), std::move(*manifests)};
}

}  // namespace longshore::registry

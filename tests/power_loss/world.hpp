// A machine whose power can be cut: a data directory with the mirror's stores, on a disk that forgets what was not
// synced.
#pragma once

#include "base/data_dir.hpp"
#include "base/testing/faulty_files.hpp"
#include "base/testing/memory_files.hpp"
#include "registry/stores.hpp"

#include <optional>
#include <string>

namespace longshore::power_loss {

// What a disk says was synced and was not: with it, the checks must find losses.
enum class Lie : std::uint8_t { none, files, directories };

// Passes everything on but the syncs it lies about, and counts the syncs.
class DiskOf final : public Files {
public:
    DiskOf(Files& wrapped, Lie lie) : wrapped_(wrapped), lie_(lie) {}
    [[nodiscard]] std::uint64_t syncs() const noexcept { return syncs_; }

    [[nodiscard]] Result<std::shared_ptr<File>> open(const std::string& path) override;
    [[nodiscard]] Result<std::shared_ptr<File>> create(const std::string& path) override;
    [[nodiscard]] Result<std::shared_ptr<File>> lock(const std::string& path) override { return wrapped_.lock(path); }
    [[nodiscard]] Result<> rename(const std::string& from, const std::string& to) override {
        return wrapped_.rename(from, to);
    }
    [[nodiscard]] Result<> remove(const std::string& path) override { return wrapped_.remove(path); }
    [[nodiscard]] Result<> make_directories(const std::string& path) override {
        return wrapped_.make_directories(path);
    }
    [[nodiscard]] Result<> sync_directory(const std::string& path) override {
        ++syncs_;
        return lie_ == Lie::directories ? Result<>{} : wrapped_.sync_directory(path);
    }
    [[nodiscard]] Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
        return wrapped_.list(path);
    }

private:
    class SyncedFile;

    Files& wrapped_;
    Lie lie_;
    std::uint64_t syncs_ = 0;
};

struct World {
    explicit World(Lie lie) : disk(memory, lie), files(disk) {}
    // As a process that starts: what one before had open is gone.
    [[nodiscard]] Result<> start();
    [[nodiscard]] bool has_staged_files();
    [[nodiscard]] static std::string data_path(const Digest& digest);

    longshore::testing::MemoryFiles memory;
    DiskOf disk;
    longshore::testing::FaultyFiles files;
    std::optional<DataDir> data;
    std::optional<registry::Stores> stores;
};

}  // namespace longshore::power_loss

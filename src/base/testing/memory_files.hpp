// A file system in memory that forgets what was not synced when the power goes.
//
// Bytes are durable after `File::sync`, names (new, renamed, removed) after `sync_directory` of the directory they
// stand in. `lose_power` goes back to that; what a real disk may have written anyway is chosen by PowerLoss. Open
// files of the time before must not be used afterwards: their process is dead.
//
// Threads: safe from any thread, except lose_power and the settings.
#pragma once

#include "base/files.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace longshore::testing {

enum class PowerLoss : std::uint8_t {
    all_unsynced,   // nothing that was not synced is there
    unsynced_data,  // names survive, unsynced bytes are cut off or read as zeros
    random          // each unsynced thing survives or not
};

class MemoryFiles final : public Files {
public:
    struct Node;

    MemoryFiles();
    ~MemoryFiles() override;

    [[nodiscard]] Result<std::shared_ptr<File>> open(const std::string& path) override;
    [[nodiscard]] Result<std::shared_ptr<File>> create(const std::string& path) override;
    [[nodiscard]] Result<std::shared_ptr<File>> lock(const std::string& path) override;
    [[nodiscard]] Result<> rename(const std::string& from, const std::string& to) override;
    [[nodiscard]] Result<> remove(const std::string& path) override;
    [[nodiscard]] Result<> make_directories(const std::string& path) override;
    [[nodiscard]] Result<> sync_directory(const std::string& path) override;
    [[nodiscard]] Result<std::vector<DirectoryEntry>> list(const std::string& path) override;

    void lose_power(PowerLoss how, std::uint32_t seed = 0);
    // Bytes all files together may hold; writing past it is "no space left".
    void set_capacity(std::uint64_t bytes);
    // Flips one bit, as rot does: no fact of the file changes.
    void rot(const std::string& path, std::uint64_t bit);
    // Paths of all files, in order.
    [[nodiscard]] std::vector<std::string> all_files() const;
    // Files opened and not closed.
    [[nodiscard]] std::size_t open_files() const;

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the open files
};

}  // namespace longshore::testing

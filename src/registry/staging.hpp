// Where files are written before they take their place.
//
// Everything the stores keep is first written here under a private name and then renamed, so a file in its place is
// whole. What a crash leaves behind is removed when the staging directory is opened, unless a process that we follow is
// still at work: then once it has ended. The data directory's lock sees to it that nobody else uses the directory, and
// only names made here are touched. A directory that vanishes while it is in use is made again, with what `Restore` makes
// around it.
//
// Ownership: a StagedFile removes its file unless it was moved into place. Staging outlives its files.
// Threads:   safe from any thread; calls block.
// Errors:    Errc::io (disk full included), denied, overloaded, each naming the file.
#pragma once

#include "base/files.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace longshore::registry {

class StagedFile {
public:
    StagedFile(Files& files, std::string path, std::shared_ptr<File> file)
        : files_(&files), path_(std::move(path)), file_(std::move(file)) {}
    StagedFile(StagedFile&& other) noexcept;
    StagedFile& operator=(StagedFile&& other) noexcept;
    ~StagedFile() { abandon(); }

    [[nodiscard]] const std::shared_ptr<File>& file() const noexcept { return file_; }
    // Renames it to `target`, making that directory when it is missing. The file stays open.
    [[nodiscard]] Result<> move_to(const std::string& target);
    [[nodiscard]] bool settled() const noexcept { return path_.empty(); }  // moved or removed
    // Removes it; nothing happens after move_to.
    void abandon() noexcept;

private:
    Files* files_;
    std::string path_;  // empty: settled
    std::shared_ptr<File> file_;
};

class Staging {
public:
    // Called by one thread at a time, before the vanished staging directory is made again; when it fails, so does what
    // wanted to stage a file.
    using Restore = std::function<Result<>()>;
    enum class Leftovers : std::uint8_t { remove, keep };

    // Makes the directory when it is missing.
    [[nodiscard]] static Result<std::unique_ptr<Staging>> open(Files& files, std::string directory,
                                                               Leftovers leftovers = Leftovers::remove,
                                                               Restore restore = nullptr);
    // Removes the files of every other process.
    [[nodiscard]] Result<> remove_leftovers();

    [[nodiscard]] Result<StagedFile> create();
    // Replaces `path` by `content`. After a power loss it is the old or the new file, never a part of one; use
    // sync_names to be sure of the new one.
    [[nodiscard]] Result<> replace(const std::string& path, std::string_view content);

private:
    Staging(Files& files, std::string directory, std::string prefix, Restore restore)
        : files_(files), directory_(std::move(directory)), prefix_(std::move(prefix)), restore_(std::move(restore)) {}
    [[nodiscard]] Result<> make_again();

    Files& files_;
    std::string directory_;
    std::string prefix_;  // differs from process to process
    Restore restore_;
    std::mutex restoring_;
    std::atomic<std::uint64_t> serial_{0};
};

// Makes the name of `path` durable, and those of its parents below `root`.
[[nodiscard]] Result<> sync_names(Files& files, const std::string& path, const std::string& root);

}  // namespace longshore::registry

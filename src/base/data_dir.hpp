// The data directory: made on first use, of one format, held by one process.
//
//   format   "longshore data 1"
//   lock     held with flock, holds the owner's process id; a process that is followed by another hands it over
//
// Ownership: the lock is held as long as the DataDir lives; the kernel frees it when the process dies. `files` outlives
//            the DataDir.
// Threads:   open once at start; `path` is safe from any thread, `restore` by one at a time.
// Errors:    Errc::conflict (another process holds it, with its id), unsupported (a newer format), invalid (the
//            format file says something else), io and denied, each naming the path.
#pragma once

#include "base/files.hpp"

#include <memory>
#include <string>

namespace longshore {

class DataDir {
public:
    // New directories are made with mode 0700; an existing one keeps its mode.
    [[nodiscard]] static Result<DataDir> open(Files& files, std::string path);

    // Makes the directory again, and takes it, when it has vanished from under us (removed, unmounted, another one in
    // its place). Whether it had; nothing happens while it is there. Errc::conflict when another process was faster.
    [[nodiscard]] Result<bool> restore();

    // As `open`, with the lock that the process we follow handed over: both hold the directory until that one ends.
    // `lock` is a descriptor, and ours then.
    [[nodiscard]] static Result<DataDir> take_over(Files& files, std::string path, int lock);

    // For the process that follows us.
    [[nodiscard]] int lock_descriptor() const noexcept { return lock_->descriptor(); }
    // Without a slash at the end.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    DataDir(Files& files, std::string path, std::shared_ptr<File> lock)
        : files_(&files), path_(std::move(path)), lock_(std::move(lock)) {}

    Files* files_;
    std::string path_;
    std::shared_ptr<File> lock_;
};

}  // namespace longshore

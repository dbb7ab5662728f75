// The data directory: made on first use, of one format, held by one process.
//
//   format   "longshore data 1"
//   lock     held with flock, holds the owner's process id
//
// Ownership: the lock is held as long as the DataDir lives; the kernel frees it when the process dies.
// Threads:   open once at start; `path` is safe from any thread.
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

    // Without a slash at the end.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    DataDir(std::string path, std::shared_ptr<File> lock) : path_(std::move(path)), lock_(std::move(lock)) {}

    std::string path_;
    std::shared_ptr<File> lock_;
};

}  // namespace longshore

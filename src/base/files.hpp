// The file seam: every file the program touches, it touches through here.
//
// Calls block; run them on the disk pool (`base/disk_pool.hpp`), except `read_cached`, `facts` and `descriptor`,
// which never wait for a disk. Tests replace `Files` to fail the Nth call or to drop unsynced data.
//
// Threads: `Files` is safe from any thread; one `File` may be read from several threads, written from one.
// Errors:  Errc::not_found, denied, conflict (exists), io (disk full included), each naming the path.
#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace longshore {

// What identifies an unchanged file: any write, truncate or replacement alters one of these.
struct FileFacts {
    std::uint64_t size = 0;  // bytes
    std::uint64_t inode = 0;
    std::int64_t modified_ns = 0;  // mtime since the epoch
    std::int64_t changed_ns = 0;   // ctime since the epoch
    friend bool operator==(const FileFacts&, const FileFacts&) = default;
};

class File {
public:
    virtual ~File() = default;  // closes
    // For sendfile only; -1 when there is none (then read it).
    [[nodiscard]] virtual int descriptor() const noexcept = 0;
    // Bytes read; 0 at the end of the file.
    [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const = 0;
    // As read_at, from memory only: Errc::overloaded when the bytes would have to come from the disk.
    [[nodiscard]] virtual Result<std::size_t> read_cached(std::uint64_t offset, std::span<std::byte> into) const = 0;
    // Writes all of `bytes`.
    [[nodiscard]] virtual Result<> write_at(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
    // Writes all parts one after another, at best in one call: large writes make large pages, which cost less ever
    // after.
    [[nodiscard]] virtual Result<> write_parts_at(std::uint64_t offset,
                                                  std::span<const std::span<const std::byte>> parts);
    [[nodiscard]] virtual Result<> sync() = 0;
    [[nodiscard]] virtual Result<FileFacts> facts() const = 0;
};

struct DirectoryEntry {
    std::string name;
    bool is_directory = false;
};

class Files {
public:
    virtual ~Files() = default;
    [[nodiscard]] virtual Result<std::shared_ptr<File>> open(const std::string& path) = 0;
    // Fails with Errc::conflict when it exists. Mode 0600.
    [[nodiscard]] virtual Result<std::shared_ptr<File>> create(const std::string& path) = 0;
    // Opened or created, and held against other openers of this kind, also in other processes, until the File is
    // destroyed or the process ends. Fails with Errc::conflict when it is held.
    [[nodiscard]] virtual Result<std::shared_ptr<File>> lock(const std::string& path) = 0;
    // A file that another process opened as `path` and handed over, with the locks it holds. The descriptor is ours
    // then.
    [[nodiscard]] virtual Result<std::shared_ptr<File>> adopt(int, const std::string& path) {
        return Error{Errc::unsupported, path + " cannot be handed over"};
    }
    // Makes a file or directory another user's.
    [[nodiscard]] virtual Result<> give(const std::string& path, unsigned, unsigned) {
        return Error{Errc::unsupported, path + " has no owner"};
    }
    // Replaces `to` in one step.
    [[nodiscard]] virtual Result<> rename(const std::string& from, const std::string& to) = 0;
    [[nodiscard]] virtual Result<> remove(const std::string& path) = 0;
    // With parents; nothing happens when it is there. Mode 0700.
    [[nodiscard]] virtual Result<> make_directories(const std::string& path) = 0;
    // Makes renames and new names in a directory durable.
    [[nodiscard]] virtual Result<> sync_directory(const std::string& path) = 0;
    [[nodiscard]] virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
    // Where a symbolic link points. File systems without links: Errc::unsupported.
    [[nodiscard]] virtual Result<std::string> link_target(const std::string& path) {
        return Error{Errc::unsupported, path + " is no link"};
    }
};

// The machine's file system. Lives for the whole process.
[[nodiscard]] Files& system_files();

// Reads a whole small file; Errc::too_large above `limit_bytes`.
[[nodiscard]] Result<std::string> read_whole(Files& files, const std::string& path, std::size_t limit_bytes);

// Replaces `path` by `content`: temporary name, write, sync, rename, sync of the directory.
[[nodiscard]] Result<> write_whole(Files& files, const std::string& path, std::string_view content);

}  // namespace longshore

#include "base/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>

namespace longshore {

Result<> File::write_parts_at(std::uint64_t offset, std::span<const std::span<const std::byte>> parts) {
    for (const auto& part : parts) {
        if (auto wrote = write_at(offset, part); !wrote) return wrote;
        offset += part.size();
    }
    return {};
}

namespace {

constexpr std::size_t k_vectors = 64;  // parts of one call

class SystemFile final : public File {
public:
    SystemFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
    SystemFile(const SystemFile&) = delete;
    SystemFile& operator=(const SystemFile&) = delete;
    ~SystemFile() override { ::close(descriptor_); }

    [[nodiscard]] int descriptor() const noexcept override { return descriptor_; }

    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        return read(offset, into, 0);
    }
    [[nodiscard]] Result<std::size_t> read_cached(std::uint64_t offset, std::span<std::byte> into) const override {
        return read(offset, into, RWF_NOWAIT);
    }

    [[nodiscard]] Result<> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
        while (!bytes.empty()) {
            const auto wrote = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return errno_error(errno, path_ + " write");
            offset += static_cast<std::uint64_t>(wrote);
            bytes = bytes.subspan(static_cast<std::size_t>(wrote));
        }
        return {};
    }

    [[nodiscard]] Result<> write_parts_at(std::uint64_t offset,
                                          std::span<const std::span<const std::byte>> parts) override {
        std::array<iovec, k_vectors> vectors{};
        while (!parts.empty()) {
            const auto now = parts.first(std::min(parts.size(), vectors.size()));
            std::size_t bytes = 0;
            for (std::size_t i = 0; i < now.size(); ++i) {
                vectors[i] = {const_cast<std::byte*>(now[i].data()), now[i].size()};
                bytes += now[i].size();
            }
            const auto wrote =
                ::pwritev(descriptor_, vectors.data(), static_cast<int>(now.size()), static_cast<off_t>(offset));
            // A short write is rare: what went wrong shows when the parts are written one by one.
            if (wrote < 0 || static_cast<std::size_t>(wrote) != bytes) return File::write_parts_at(offset, parts);
            offset += bytes;
            parts = parts.subspan(now.size());
        }
        return {};
    }

    [[nodiscard]] Result<> sync() override {
        if (::fdatasync(descriptor_) != 0) return errno_error(errno, path_ + " sync");
        return {};
    }

    [[nodiscard]] Result<FileFacts> facts() const override {
        struct stat status{};
        if (::fstat(descriptor_, &status) != 0) return errno_error(errno, path_ + " stat");
        const auto nanoseconds = [](const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; };
        return FileFacts{static_cast<std::uint64_t>(status.st_size), status.st_ino, nanoseconds(status.st_mtim),
                         nanoseconds(status.st_ctim)};
    }

private:
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into, int flags) const {
        for (;;) {
            const iovec part{into.data(), into.size()};
            const auto got = ::preadv2(descriptor_, &part, 1, static_cast<off_t>(offset), flags);
            if (got >= 0) return static_cast<std::size_t>(got);
            if (errno == EINTR) continue;
            // File systems without RWF_NOWAIT are read on the disk pool, too.
            if (errno == EAGAIN || (flags != 0 && errno == EOPNOTSUPP)) return Error{Errc::overloaded, {}};
            return errno_error(errno, path_ + " read");
        }
    }

    int descriptor_;
    std::string path_;
};

class SystemFiles final : public Files {
public:
    [[nodiscard]] Result<std::shared_ptr<File>> open(const std::string& path) override {
        return open_with(path, O_RDONLY | O_CLOEXEC);
    }
    [[nodiscard]] Result<std::shared_ptr<File>> create(const std::string& path) override {
        return open_with(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC);
    }
    [[nodiscard]] Result<std::shared_ptr<File>> lock(const std::string& path) override {
        const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (descriptor < 0) return errno_error(errno, path + " open");
        auto file = std::make_shared<SystemFile>(descriptor, path);
        if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return file;
        if (errno == EWOULDBLOCK) return Error{Errc::conflict, path + " is locked"};
        return errno_error(errno, path + " lock");
    }
    [[nodiscard]] Result<std::shared_ptr<File>> adopt(int descriptor, const std::string& path) override {
        auto file = std::make_shared<SystemFile>(descriptor, path);
        struct stat given{}, named{};
        if (::fstat(descriptor, &given) != 0 || ::stat(path.c_str(), &named) != 0) {
            return errno_error(errno, path + " stat");
        }
        if (given.st_dev == named.st_dev && given.st_ino == named.st_ino) return file;
        return Error{Errc::invalid, "the file handed over is not " + path};
    }
    [[nodiscard]] Result<> give(const std::string& path, unsigned user, unsigned group) override {
        if (::chown(path.c_str(), user, group) != 0) return errno_error(errno, path + " chown");
        return {};
    }
    [[nodiscard]] Result<> rename(const std::string& from, const std::string& to) override {
        if (std::rename(from.c_str(), to.c_str()) != 0) return errno_error(errno, to + " rename");
        return {};
    }
    [[nodiscard]] Result<> remove(const std::string& path) override {
        if (std::remove(path.c_str()) != 0) return errno_error(errno, path + " remove");
        return {};
    }
    [[nodiscard]] Result<> make_directories(const std::string& path) override {
        if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
        const auto slash = path.find_last_of('/');
        if (errno != ENOENT || slash == std::string::npos || slash == 0) return errno_error(errno, path + " create");
        if (auto parent = make_directories(path.substr(0, slash)); !parent) return parent;
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return errno_error(errno, path + " create");
        return {};
    }
    [[nodiscard]] Result<> sync_directory(const std::string& path) override {
        const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0) return errno_error(errno, path + " open");
        const int synced = ::fsync(directory);
        const int number = errno;
        ::close(directory);
        if (synced != 0) return errno_error(number, path + " sync");
        return {};
    }
    [[nodiscard]] Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
        const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir(path.c_str()), ::closedir};
        if (directory == nullptr) return errno_error(errno, path + " list");
        std::vector<DirectoryEntry> entries;
        while (const auto* entry = ::readdir(directory.get())) {
            const std::string_view name{entry->d_name};
            if (name == "." || name == "..") continue;
            entries.push_back({std::string{name}, entry->d_type == DT_DIR});
        }
        return entries;
    }

    [[nodiscard]] Result<std::string> link_target(const std::string& path) override {
        std::string target(4096, '\0');
        const auto size = ::readlink(path.c_str(), target.data(), target.size());
        if (size < 0) return errno_error(errno, path + " readlink");
        target.resize(static_cast<std::size_t>(size));
        return target;
    }

private:
    static Result<std::shared_ptr<File>> open_with(const std::string& path, int flags) {
        const int descriptor = ::open(path.c_str(), flags, 0600);
        if (descriptor < 0) return errno_error(errno, path + " open");
        return std::make_shared<SystemFile>(descriptor, path);
    }
};

}  // namespace

Files& system_files() {
    static SystemFiles files;
    return files;
}

Result<std::string> read_whole(Files& files, const std::string& path, std::size_t limit_bytes) {
    const auto file = files.open(path);
    if (!file) return file.error();
    const auto facts = (*file)->facts();
    if (!facts) return facts.error();
    if (facts->size > limit_bytes)
        return Error{Errc::too_large, path + " is larger than " + std::to_string(limit_bytes) + " bytes"};
    // A pipe or /proc file tells no size: read until its end, to the limit.
    std::string content(facts->size != 0 ? facts->size : limit_bytes, '\0');
    std::size_t have = 0;
    while (have < content.size()) {
        const auto got = (*file)->read_at(have, std::as_writable_bytes(std::span{content}.subspan(have)));
        if (!got) return got.error();
        if (*got == 0) break;
        have += *got;
    }
    content.resize(have);
    return content;
}

Result<> write_whole(Files& files, const std::string& path, std::string_view content) {
    static std::atomic<std::uint64_t> serial{0};
    const auto temporary = path + ".new" + std::to_string(::getpid()) + "-" + std::to_string(serial++);
    const auto written = [&]() -> Result<> {
        const auto file = files.create(temporary);
        if (!file) return file.error();
        if (auto wrote = (*file)->write_at(0, std::as_bytes(std::span{content})); !wrote) return wrote;
        if (auto synced = (*file)->sync(); !synced) return synced;
        return files.rename(temporary, path);
    }();
    if (!written) {
        (void)files.remove(temporary);
        return written;
    }
    const auto slash = path.find_last_of('/');
    return files.sync_directory(slash == std::string::npos ? "." : path.substr(0, slash));
}

}  // namespace longshore

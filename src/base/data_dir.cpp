#include "base/data_dir.hpp"

#include <unistd.h>

#include <charconv>

namespace longshore {
namespace {

constexpr std::string_view k_format_words = "longshore data ";
constexpr unsigned k_format = 1;

std::string without_last_slash(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

std::string first_line(std::string_view text) { return std::string{text.substr(0, text.find('\n'))}; }

Error in_use(Files& files, const std::string& path, const std::string& lock_path) {
    const auto owner = read_whole(files, lock_path, 64);
    const auto process = owner && !owner->empty() ? "process " + first_line(*owner) : std::string{"another process"};
    return {Errc::conflict, "data directory " + path + " is in use by " + process};
}

Result<> sign_lock(File& lock) {
    const auto process = std::to_string(::getpid()) + "\n";
    return lock.write_at(0, std::as_bytes(std::span{process}));
}

Result<std::shared_ptr<File>> take_lock(Files& files, const std::string& path) {
    const auto lock_path = path + "/lock";
    auto lock = files.lock(lock_path);
    if (!lock && lock.error().code == Errc::conflict) return in_use(files, path, lock_path);
    if (!lock) return lock;
    if (auto signed_ = sign_lock(**lock); !signed_) return signed_.error();
    return lock;
}

Result<> check_format(const std::string& path, std::string_view content) {
    const auto line = first_line(content);
    unsigned format = 0;
    const auto* const end = line.data() + line.size();
    const auto known = line.starts_with(k_format_words);
    const auto read = known ? std::from_chars(line.data() + k_format_words.size(), end, format)
                            : std::from_chars_result{line.data(), std::errc::invalid_argument};
    if (read.ec != std::errc{} || read.ptr != end || format == 0) {
        return Error{Errc::invalid, path + "/format is not Longshore's: choose another data directory"};
    }
    if (format <= k_format) return {};
    return Error{Errc::unsupported, "data directory " + path + " has format " + std::to_string(format) +
                                        ", written by a newer Longshore; this one reads format " +
                                        std::to_string(k_format) + ": upgrade, or choose another data directory"};
}

// The directory may be new, and so may those it stands in. What we may not read of these was there before.
void sync_parents(Files& files, std::string_view path) {
    while (path.contains('/')) {
        path = path.substr(0, path.find_last_of('/'));
        (void)files.sync_directory(path.empty() ? "/" : std::string{path});
    }
}

Result<> settle_format(Files& files, const std::string& path) {
    const auto content = read_whole(files, path + "/format", 4096);
    if (content) return check_format(path, *content);
    if (content.error().code != Errc::not_found) return content.error();
    auto written = write_whole(files, path + "/format", std::string{k_format_words} + std::to_string(k_format) + "\n");
    if (written) sync_parents(files, path);
    return written;
}

// Makes what is missing; the lock.
Result<std::shared_ptr<File>> take(Files& files, const std::string& path) {
    if (auto made = files.make_directories(path); !made) return made.error();
    auto lock = take_lock(files, path);
    if (!lock) return lock;
    if (auto settled = settle_format(files, path); !settled) return settled.error();
    return lock;
}

Result<bool> is_in_place(Files& files, const std::string& path, const File& lock) {
    const auto there = files.open(path + "/lock");
    if (!there && there.error().code == Errc::not_found) return false;
    if (!there) return there.error();
    const auto found = (*there)->facts();
    if (!found) return found.error();
    const auto held = lock.facts();
    return held && *held == *found;
}

}  // namespace

Result<DataDir> DataDir::open(Files& files, std::string path) {
    path = without_last_slash(std::move(path));
    auto lock = take(files, path);
    if (!lock) return lock.error();
    return DataDir{files, std::move(path), std::move(*lock)};
}

Result<bool> DataDir::restore() {
    const auto in_place = is_in_place(*files_, path_, *lock_);
    if (!in_place) return in_place.error();
    if (*in_place) return false;
    auto lock = take(*files_, path_);
    if (!lock) return lock.error();
    lock_ = std::move(*lock);
    return true;
}

Result<DataDir> DataDir::take_over(Files& files, std::string path, int lock) {
    path = without_last_slash(std::move(path));
    auto file = files.adopt(lock, path + "/lock");
    if (!file) return file.error();
    if (auto signed_ = sign_lock(**file); !signed_) return signed_.error();
    if (auto settled = settle_format(files, path); !settled) return settled.error();
    return DataDir{files, std::move(path), std::move(*file)};
}

}  // namespace longshore

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

Result<std::shared_ptr<File>> take_lock(Files& files, const std::string& path) {
    const auto lock_path = path + "/lock";
    auto lock = files.lock(lock_path);
    if (!lock && lock.error().code == Errc::conflict) return in_use(files, path, lock_path);
    if (!lock) return lock;
    const auto process = std::to_string(::getpid()) + "\n";
    if (auto wrote = (*lock)->write_at(0, std::as_bytes(std::span{process})); !wrote) return wrote.error();
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

Result<> settle_format(Files& files, const std::string& path) {
    const auto content = read_whole(files, path + "/format", 4096);
    if (content) return check_format(path, *content);
    if (content.error().code != Errc::not_found) return content.error();
    return write_whole(files, path + "/format", std::string{k_format_words} + std::to_string(k_format) + "\n");
}

}  // namespace

Result<DataDir> DataDir::open(Files& files, std::string path) {
    path = without_last_slash(std::move(path));
    if (auto made = files.make_directories(path); !made) return made.error();
    auto lock = take_lock(files, path);
    if (!lock) return lock.error();
    if (auto settled = settle_format(files, path); !settled) return settled.error();
    return DataDir{std::move(path), std::move(*lock)};
}

}  // namespace longshore

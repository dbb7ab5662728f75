#include "registry/staging.hpp"

#include <algorithm>
#include <random>

namespace longshore::registry {
namespace {

constexpr std::string_view k_mark = "staged-";

std::string parent_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

std::string random_prefix() {
    static constexpr std::string_view k_digits = "0123456789abcdef";
    std::random_device random;
    std::string prefix{k_mark};
    for (int i = 0; i < 16; ++i) prefix.push_back(k_digits[random() & 15]);
    return prefix.append("-");
}

}  // namespace

StagedFile::StagedFile(StagedFile&& other) noexcept
    : files_(other.files_), path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}

StagedFile& StagedFile::operator=(StagedFile&& other) noexcept {
    if (this == &other) return *this;
    abandon();
    files_ = other.files_;
    path_ = std::exchange(other.path_, {});
    file_ = std::move(other.file_);
    return *this;
}

Result<> StagedFile::move_to(const std::string& target) {
    auto moved = files_->rename(path_, target);
    if (!moved && moved.error().code == Errc::not_found) {
        if (auto made = files_->make_directories(parent_of(target)); !made) return made;
        moved = files_->rename(path_, target);
    }
    if (moved) path_.clear();
    return moved;
}

void StagedFile::abandon() noexcept {
    if (path_.empty()) return;
    (void)files_->remove(path_);
    path_.clear();
}

Result<std::unique_ptr<Staging>> Staging::open(Files& files, std::string directory, Leftovers leftovers,
                                               Restore restore) {
    if (auto made = files.make_directories(directory); !made) return made.error();
    std::unique_ptr<Staging> staging{new Staging{files, std::move(directory), random_prefix(), std::move(restore)}};
    if (leftovers == Leftovers::keep) return staging;
    if (auto removed = staging->remove_leftovers(); !removed) return removed.error();
    return staging;
}

Result<> Staging::remove_leftovers() {
    const auto entries = files_.list(directory_);
    if (!entries) return entries.error();
    for (const auto& entry : *entries) {
        if (entry.is_directory || !entry.name.starts_with(k_mark) || entry.name.starts_with(prefix_)) continue;
        auto removed = files_.remove(directory_ + "/" + entry.name);
        if (!removed && removed.error().code != Errc::not_found) return removed;
    }
    return {};
}

Result<> Staging::make_again() {
    const std::lock_guard guard{restoring_};
    if (restore_) {
        if (auto restored = restore_(); !restored) return restored;
    }
    return files_.make_directories(directory_);
}

Result<StagedFile> Staging::create() {
    auto path = directory_ + "/" + prefix_ + std::to_string(serial_++);
    auto file = files_.create(path);
    if (!file && file.error().code == Errc::not_found) {
        if (auto made = make_again(); !made) return made.error();
        file = files_.create(path);
    }
    if (!file) return file.error();
    return StagedFile{files_, std::move(path), std::move(*file)};
}

Result<> Staging::replace(const std::string& path, std::string_view content) {
    auto staged = create();
    if (!staged) return staged.error();
    if (auto wrote = staged->file()->write_at(0, std::as_bytes(std::span{content})); !wrote) return wrote;
    if (auto synced = staged->file()->sync(); !synced) return synced;
    return staged->move_to(path);
}

Result<> sync_names(Files& files, const std::string& path, const std::string& root) {
    for (auto directory = parent_of(path);; directory = parent_of(directory)) {
        if (auto synced = files.sync_directory(directory); !synced) return synced;
        if (directory.size() <= root.size()) break;
    }
    return {};
}

}  // namespace longshore::registry

#include "base/testing/faulty_files.hpp"

namespace longshore::testing {

class FaultyFile final : public File {
public:
    FaultyFile(FaultyFiles& owner, std::shared_ptr<File> wrapped, std::string path)
        : owner_(owner), wrapped_(std::move(wrapped)), path_(std::move(path)) {}

    // None: every byte passes this seam.
    [[nodiscard]] int descriptor() const noexcept override { return -1; }
    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        if (const int error = owner_.next_call("read")) return errno_error(error, path_ + " read");
        return wrapped_->read_at(offset, into);
    }
    [[nodiscard]] Result<std::size_t> read_cached(std::uint64_t offset, std::span<std::byte> into) const override {
        if (const int error = owner_.next_call("read")) return errno_error(error, path_ + " read");
        return wrapped_->read_cached(offset, into);
    }
    [[nodiscard]] Result<> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
        const int error = owner_.next_call("write");
        if (error == 0) return wrapped_->write_at(offset, bytes);
        (void)wrapped_->write_at(offset, bytes.first(bytes.size() / 2));
        return errno_error(error, path_ + " write");
    }
    [[nodiscard]] Result<> sync() override {
        if (const int error = owner_.next_call("sync")) return errno_error(error, path_ + " sync");
        return wrapped_->sync();
    }
    [[nodiscard]] Result<FileFacts> facts() const override {
        if (const int error = owner_.next_call("stat")) return errno_error(error, path_ + " stat");
        return wrapped_->facts();
    }

private:
    FaultyFiles& owner_;
    std::shared_ptr<File> wrapped_;
    std::string path_;
};

void FaultyFiles::fail_call(std::uint64_t number, int error_number) {
    first_ = last_ = calls_ + number;
    error_number_ = error_number;
}

void FaultyFiles::fail_from(std::uint64_t number, int error_number) {
    first_ = calls_ + number;
    last_ = UINT64_MAX;
    error_number_ = error_number;
}

void FaultyFiles::heal() noexcept { first_ = last_ = 0; }

int FaultyFiles::next_call(std::string_view operation) noexcept {
    const auto number = ++calls_;
    if (first_ == 0 || number < first_ || number > last_) return 0;
    ++failed_;
    failed_operation_ = operation;
    return error_number_;
}

Result<std::shared_ptr<File>> FaultyFiles::open(const std::string& path) {
    if (const int error = next_call("open")) return errno_error(error, path + " open");
    auto file = wrapped_.open(path);
    if (!file) return file;
    return std::make_shared<FaultyFile>(*this, std::move(*file), path);
}

Result<std::shared_ptr<File>> FaultyFiles::create(const std::string& path) {
    if (const int error = next_call("open")) return errno_error(error, path + " open");
    auto file = wrapped_.create(path);
    if (!file) return file;
    return std::make_shared<FaultyFile>(*this, std::move(*file), path);
}

Result<std::shared_ptr<File>> FaultyFiles::lock(const std::string& path) {
    if (const int error = next_call("lock")) return errno_error(error, path + " lock");
    auto file = wrapped_.lock(path);
    if (!file) return file;
    return std::make_shared<FaultyFile>(*this, std::move(*file), path);
}

Result<> FaultyFiles::rename(const std::string& from, const std::string& to) {
    if (const int error = next_call("rename")) return errno_error(error, to + " rename");
    return wrapped_.rename(from, to);
}

Result<> FaultyFiles::remove(const std::string& path) {
    if (const int error = next_call("remove")) return errno_error(error, path + " remove");
    return wrapped_.remove(path);
}

Result<> FaultyFiles::make_directories(const std::string& path) {
    if (const int error = next_call("create")) return errno_error(error, path + " create");
    return wrapped_.make_directories(path);
}

Result<> FaultyFiles::sync_directory(const std::string& path) {
    if (const int error = next_call("sync")) return errno_error(error, path + " sync");
    return wrapped_.sync_directory(path);
}

Result<std::vector<DirectoryEntry>> FaultyFiles::list(const std::string& path) {
    if (const int error = next_call("list")) return errno_error(error, path + " list");
    return wrapped_.list(path);
}

}  // namespace longshore::testing

#include "world.hpp"

namespace longshore::power_loss {
namespace {

const std::string k_directory = "/var/lib/longshore";
const std::string k_mirror = k_directory + "/mirror";

}  // namespace

class DiskOf::SyncedFile final : public File {
public:
    SyncedFile(DiskOf& disk, std::shared_ptr<File> wrapped) : disk_(disk), wrapped_(std::move(wrapped)) {}
    [[nodiscard]] int descriptor() const noexcept override { return wrapped_->descriptor(); }
    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        return wrapped_->read_at(offset, into);
    }
    [[nodiscard]] Result<std::size_t> read_cached(std::uint64_t offset, std::span<std::byte> into) const override {
        return wrapped_->read_cached(offset, into);
    }
    [[nodiscard]] Result<> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
        return wrapped_->write_at(offset, bytes);
    }
    [[nodiscard]] Result<> sync() override {
        ++disk_.syncs_;
        return disk_.lie_ == Lie::files ? Result<>{} : wrapped_->sync();
    }
    [[nodiscard]] Result<FileFacts> facts() const override { return wrapped_->facts(); }

private:
    DiskOf& disk_;
    std::shared_ptr<File> wrapped_;
};

Result<std::shared_ptr<File>> DiskOf::open(const std::string& path) {
    auto file = wrapped_.open(path);
    if (!file) return file;
    return std::make_shared<SyncedFile>(*this, std::move(*file));
}

Result<std::shared_ptr<File>> DiskOf::create(const std::string& path) {
    auto file = wrapped_.create(path);
    if (!file) return file;
    return std::make_shared<SyncedFile>(*this, std::move(*file));
}

Result<> World::start() {
    stores.reset();
    data.reset();
    auto opened = DataDir::open(files, k_directory);
    if (!opened) return opened.error();
    data.emplace(std::move(*opened));
    auto mirror = registry::Stores::open(files, k_mirror);
    if (!mirror) return mirror.error();
    stores.emplace(std::move(*mirror));
    return {};
}

bool World::has_staged_files() {
    const auto staged = memory.list(k_mirror + "/tmp");
    return staged && !staged->empty();
}

std::string World::data_path(const Digest& digest) {
    const std::string hex{digest.hex()};
    return k_mirror + "/blobs/sha256/" + hex.substr(0, 2) + "/" + hex + "/data";
}

}  // namespace longshore::power_loss

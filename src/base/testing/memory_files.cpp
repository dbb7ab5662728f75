#include "base/testing/memory_files.hpp"

#include <algorithm>
#include <cerrno>

namespace longshore::testing {

struct MemoryFiles::Node {
    bool is_directory = false;
    std::uint64_t inode = 0;
    std::int64_t modified = 0;
    std::int64_t changed = 0;
    const void* lock_owner = nullptr;
    std::string bytes;
    std::string durable_bytes;
    std::map<std::string, std::shared_ptr<Node>> names;
    std::map<std::string, std::shared_ptr<Node>> durable_names;
};

namespace {

using Node = MemoryFiles::Node;
using NodePointer = std::shared_ptr<Node>;

struct SplitPath {
    std::string parent;
    std::string name;
};

SplitPath split(const std::string& path) {
    const auto slash = path.find_last_of('/');
    if (slash == std::string::npos) return {"", path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

template <class Visit>
void walk(const NodePointer& node, const std::string& path, Visit&& visit) {
    visit(path, node);
    for (const auto& [name, child] : node->names) walk(child, path + "/" + name, visit);
}

// What may be on the disk for bytes that were never synced.
std::string torn(const Node& node, std::mt19937& random) {
    auto bytes = node.bytes;
    const auto from = std::min(node.durable_bytes.size(), bytes.size());
    switch (random() % 4) {
        case 0:
            return node.durable_bytes;
        case 1:
            return bytes.substr(0, from + random() % (bytes.size() - from + 1));
        case 2:
            std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(), '\0');
            return bytes;
        default:
            return bytes;
    }
}

void cut_unsynced(Node& node) {
    if (node.bytes == node.durable_bytes) return;
    node.bytes.resize(std::min(node.bytes.size(), node.durable_bytes.size() + node.bytes.size() / 2));
    std::fill(node.bytes.begin() + static_cast<std::ptrdiff_t>(std::min(node.durable_bytes.size(), node.bytes.size())),
              node.bytes.end(), '\0');
}

void mix_names(Node& node, std::mt19937& random) {
    auto mixed = node.durable_names;
    for (const auto& [name, child] : node.durable_names) {
        if (!node.names.contains(name) && random() % 2 == 0) mixed.erase(name);
    }
    for (const auto& [name, child] : node.names) {
        if (random() % 2 == 0) mixed[name] = child;
    }
    node.names = std::move(mixed);
}

void settle(const NodePointer& node, PowerLoss how, std::mt19937& random) {
    node->lock_owner = nullptr;
    if (how == PowerLoss::all_unsynced) {
        node->bytes = node->durable_bytes;
        node->names = node->durable_names;
    } else if (how == PowerLoss::unsynced_data) {
        cut_unsynced(*node);
    } else {
        if (node->bytes != node->durable_bytes) node->bytes = torn(*node, random);
        mix_names(*node, random);
    }
    node->durable_bytes = node->bytes;
    node->durable_names = node->names;
    for (const auto& [name, child] : node->names) settle(child, how, random);
}

}  // namespace

struct MemoryFiles::State {
    std::mutex mutex;
    NodePointer root = std::make_shared<Node>();
    std::uint64_t next_inode = 1;
    std::int64_t ticks = 0;
    std::optional<std::uint64_t> capacity;
    std::size_t open = 0;

    NodePointer make(bool is_directory) {
        auto node = std::make_shared<Node>();
        node->is_directory = is_directory;
        node->inode = ++next_inode;
        node->modified = node->changed = ++ticks;
        return node;
    }

    NodePointer find(const std::string& path) const {
        auto node = root;
        std::size_t at = 0;
        while (node != nullptr && at < path.size()) {
            const auto slash = std::min(path.find('/', at), path.size());
            const auto name = path.substr(at, slash - at);
            at = slash + 1;
            if (name.empty()) continue;
            const auto child = node->names.find(name);
            node = child == node->names.end() ? nullptr : child->second;
        }
        return node;
    }

    std::uint64_t free_bytes() const {
        if (!capacity) return UINT64_MAX;
        std::uint64_t used = 0;
        walk(root, "", [&](const std::string&, const NodePointer& node) { used += node->bytes.size(); });
        return used >= *capacity ? 0 : *capacity - used;
    }
};

namespace {

template <class State>
class MemoryFile final : public File {
public:
    MemoryFile(std::shared_ptr<State> state, NodePointer node, std::string path)
        : state_(std::move(state)), node_(std::move(node)), path_(std::move(path)) {
        ++state_->open;
    }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() override {
        const std::lock_guard guard{state_->mutex};
        --state_->open;
        if (node_->lock_owner == this) node_->lock_owner = nullptr;
    }

    [[nodiscard]] int descriptor() const noexcept override { return -1; }
    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        const std::lock_guard guard{state_->mutex};
        if (offset >= node_->bytes.size()) return std::size_t{0};
        const auto count = std::min<std::size_t>(into.size(), node_->bytes.size() - offset);
        std::copy_n(std::as_bytes(std::span{node_->bytes}).begin() + static_cast<std::ptrdiff_t>(offset), count,
                    into.begin());
        return count;
    }
    [[nodiscard]] Result<std::size_t> read_cached(std::uint64_t offset, std::span<std::byte> into) const override {
        return read_at(offset, into);
    }
    [[nodiscard]] Result<> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
        const std::lock_guard guard{state_->mutex};
        const auto free = state_->free_bytes();
        const auto end = offset + bytes.size();
        const auto growth = end > node_->bytes.size() ? end - node_->bytes.size() : 0;
        const bool fits = growth <= free;
        if (!fits) bytes = bytes.first(bytes.size() - std::min<std::size_t>(bytes.size(), growth - free));
        if (offset + bytes.size() > node_->bytes.size()) node_->bytes.resize(offset + bytes.size());
        std::copy(bytes.begin(), bytes.end(),
                  std::as_writable_bytes(std::span{node_->bytes}).begin() + static_cast<std::ptrdiff_t>(offset));
        node_->modified = node_->changed = ++state_->ticks;
        if (!fits) return errno_error(ENOSPC, path_ + " write");
        return {};
    }
    [[nodiscard]] Result<> sync() override {
        const std::lock_guard guard{state_->mutex};
        node_->durable_bytes = node_->bytes;
        return {};
    }
    [[nodiscard]] Result<FileFacts> facts() const override {
        const std::lock_guard guard{state_->mutex};
        return FileFacts{node_->bytes.size(), node_->inode, node_->modified, node_->changed};
    }

    [[nodiscard]] bool take_lock() {
        if (node_->lock_owner != nullptr) return false;
        node_->lock_owner = this;
        return true;
    }

private:
    std::shared_ptr<State> state_;
    NodePointer node_;
    std::string path_;
};

}  // namespace

MemoryFiles::MemoryFiles() : state_(std::make_shared<State>()) { state_->root->is_directory = true; }
MemoryFiles::~MemoryFiles() = default;

Result<std::shared_ptr<File>> MemoryFiles::open(const std::string& path) {
    const std::lock_guard guard{state_->mutex};
    auto node = state_->find(path);
    if (node == nullptr) return errno_error(ENOENT, path + " open");
    if (node->is_directory) return errno_error(EISDIR, path + " open");
    return std::make_shared<MemoryFile<State>>(state_, std::move(node), path);
}

Result<std::shared_ptr<File>> MemoryFiles::create(const std::string& path) {
    const std::lock_guard guard{state_->mutex};
    const auto [parent, name] = split(path);
    const auto directory = state_->find(parent);
    if (directory == nullptr) return errno_error(ENOENT, path + " open");
    if (directory->names.contains(name)) return errno_error(EEXIST, path + " open");
    auto node = state_->make(false);
    directory->names[name] = node;
    return std::make_shared<MemoryFile<State>>(state_, std::move(node), path);
}

Result<std::shared_ptr<File>> MemoryFiles::lock(const std::string& path) {
    auto opened = open(path);
    if (!opened && opened.error().code == Errc::not_found) opened = create(path);
    if (!opened) return opened;
    const std::unique_lock guard{state_->mutex};
    if (static_cast<MemoryFile<State>&>(**opened).take_lock()) return opened;
    return Error{Errc::conflict, path + " is locked"};
}

Result<> MemoryFiles::rename(const std::string& from, const std::string& to) {
    const std::lock_guard guard{state_->mutex};
    const auto source = split(from);
    const auto target = split(to);
    const auto source_directory = state_->find(source.parent);
    const auto target_directory = state_->find(target.parent);
    if (source_directory == nullptr || target_directory == nullptr || !source_directory->names.contains(source.name)) {
        return errno_error(ENOENT, to + " rename");
    }
    auto node = source_directory->names[source.name];
    source_directory->names.erase(source.name);
    node->changed = ++state_->ticks;
    target_directory->names[target.name] = std::move(node);
    return {};
}

Result<> MemoryFiles::remove(const std::string& path) {
    const std::lock_guard guard{state_->mutex};
    const auto [parent, name] = split(path);
    const auto directory = state_->find(parent);
    if (directory == nullptr || !directory->names.contains(name)) return errno_error(ENOENT, path + " remove");
    if (!directory->names[name]->names.empty()) return errno_error(ENOTEMPTY, path + " remove");
    directory->names.erase(name);
    return {};
}

Result<> MemoryFiles::make_directories(const std::string& path) {
    const std::lock_guard guard{state_->mutex};
    auto node = state_->root;
    std::size_t at = 0;
    while (at < path.size()) {
        const auto slash = std::min(path.find('/', at), path.size());
        const auto name = path.substr(at, slash - at);
        at = slash + 1;
        if (name.empty()) continue;
        if (!node->is_directory) return errno_error(ENOTDIR, path + " create");
        auto& child = node->names[name];
        if (child == nullptr) child = state_->make(true);
        node = child;
    }
    return {};
}

Result<> MemoryFiles::sync_directory(const std::string& path) {
    const std::lock_guard guard{state_->mutex};
    const auto node = state_->find(path);
    if (node == nullptr) return errno_error(ENOENT, path + " open");
    node->durable_names = node->names;
    return {};
}

Result<std::vector<DirectoryEntry>> MemoryFiles::list(const std::string& path) {
    const std::lock_guard guard{state_->mutex};
    const auto node = state_->find(path);
    if (node == nullptr || !node->is_directory) return errno_error(ENOENT, path + " list");
    std::vector<DirectoryEntry> entries;
    for (const auto& [name, child] : node->names) entries.push_back({name, child->is_directory});
    return entries;
}

void MemoryFiles::lose_power(PowerLoss how, std::uint32_t seed) {
    const std::lock_guard guard{state_->mutex};
    std::mt19937 random{seed};
    settle(state_->root, how, random);
}

void MemoryFiles::set_capacity(std::uint64_t bytes) {
    const std::lock_guard guard{state_->mutex};
    state_->capacity = bytes;
}

void MemoryFiles::rot(const std::string& path, std::uint64_t bit) {
    const std::lock_guard guard{state_->mutex};
    const auto node = state_->find(path);
    if (node == nullptr || bit / 8 >= node->bytes.size()) return;
    node->bytes[bit / 8] = static_cast<char>(node->bytes[bit / 8] ^ (1 << (bit % 8)));
    node->durable_bytes = node->bytes;
}

std::vector<std::string> MemoryFiles::all_files() const {
    const std::lock_guard guard{state_->mutex};
    std::vector<std::string> paths;
    walk(state_->root, "", [&](const std::string& path, const NodePointer& node) {
        if (!node->is_directory) paths.push_back(path);
    });
    return paths;
}

std::size_t MemoryFiles::open_files() const {
    const std::lock_guard guard{state_->mutex};
    return state_->open;
}

}  // namespace longshore::testing

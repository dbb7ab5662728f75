#include "registry/hot_manifests.hpp"

namespace longshore::registry {

std::size_t HotManifests::cost(const Node& node) noexcept {
    constexpr std::size_t k_overhead = 512;  // nodes, index and strings, about
    return node.entry.manifest->bytes.size() + node.key.size() + k_overhead;
}

const HotManifests::Entry* HotManifests::find(std::string_view key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    nodes_.splice(nodes_.begin(), nodes_, found->second);
    return &found->second->entry;
}

void HotManifests::put(std::string key, Entry entry) {
    drop(key);
    nodes_.push_front({std::move(key), std::move(entry)});
    index_.emplace(nodes_.front().key, nodes_.begin());
    used_ += cost(nodes_.front());
    while (used_ > limit_ && !nodes_.empty()) drop(nodes_.back().key);
}

void HotManifests::drop(std::string_view key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    const auto node = found->second;
    used_ -= cost(*node);
    index_.erase(found);
    nodes_.erase(node);
}

}  // namespace longshore::registry

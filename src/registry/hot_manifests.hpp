// Manifests in memory, ready to be sent: the most recently used up to a size.
//
// Threads: one loop.
#pragma once

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "net/chunk.hpp"

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace longshore::registry {

// Immutable and shared between loops.
struct HotManifest {
    Digest digest;
    std::string digest_text;  // "sha256:..."
    std::string media_type;
    net::Chunk bytes;
};
using ManifestPtr = std::shared_ptr<const HotManifest>;

class HotManifests {
public:
    explicit HotManifests(std::size_t limit_bytes) : limit_(limit_bytes) {}

    struct Entry {
        ManifestPtr manifest;
        Deadline fresh_until;
        bool stale = false;  // upstream could not be asked
    };
    // The entry, whether fresh or not; null when there is none. Valid until the next `put` or `drop`.
    [[nodiscard]] const Entry* find(std::string_view key);
    void put(std::string key, Entry entry);
    void drop(std::string_view key);

private:
    struct Node {
        std::string key;
        Entry entry;
    };
    using Nodes = std::list<Node>;
    [[nodiscard]] static std::size_t cost(const Node& node) noexcept;

    std::size_t limit_;
    std::size_t used_ = 0;
    Nodes nodes_;  // most recently used first
    std::unordered_map<std::string_view, Nodes::iterator> index_;
};

}  // namespace longshore::registry

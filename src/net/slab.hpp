// Reusable buffers for reads.
//
// A slab is taken when bytes are known to be waiting, filled, and becomes the owner behind one or more Chunks;
// it returns to its pool when the last Chunk lets go, on whatever thread that happens. Idle connections hold none.
#pragma once

#include "net/chunk.hpp"

#include <cstddef>
#include <memory>
#include <span>

namespace longshore::net {

class SlabPool {
public:
    static constexpr std::size_t k_small = 16 * 1024;   // bytes: requests, TLS records
    static constexpr std::size_t k_medium = 32 * 1024;  // bytes: what one stalled connection may pin
    static constexpr std::size_t k_large = 128 * 1024;  // bytes: bodies in bulk

    SlabPool();
    SlabPool(const SlabPool&) = delete;
    SlabPool& operator=(const SlabPool&) = delete;
    ~SlabPool();

    // A writable buffer of the first of these sizes to hold `wanted`, at most k_large bytes.
    struct Slab {
        std::shared_ptr<std::byte> owner;
        std::span<std::byte> room;
        // The first `count` bytes of the room, as a chunk that owns the slab.
        [[nodiscard]] Chunk take(std::size_t count) && { return {std::move(owner), room.first(count)}; }
    };
    [[nodiscard]] Slab get(std::size_t wanted);
    // Makes the calling thread the owner: `get` is called on it only.
    void adopt_thread() noexcept;

private:
    struct Shelf;
    std::shared_ptr<Shelf> small_;
    std::shared_ptr<Shelf> medium_;
    std::shared_ptr<Shelf> large_;
};

}  // namespace longshore::net

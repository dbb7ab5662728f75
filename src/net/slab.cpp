#include "net/slab.hpp"

#include <pthread.h>

#include <atomic>
#include <new>
#include <vector>

namespace longshore::net {

// Free slabs of one size. The owning thread keeps a plain list; others hand back through a lock-free stack that
// the owner takes whole.
struct SlabPool::Shelf {
    struct Returned {
        Returned* next;
    };

    Shelf(std::size_t slab_bytes, std::size_t keep_count)
        : bytes(slab_bytes), keep(keep_count), owner(pthread_self()) {}
    Shelf(const Shelf&) = delete;
    Shelf& operator=(const Shelf&) = delete;
    ~Shelf() {
        reclaim();
        for (auto* slab : free) release(slab);
    }

    std::byte* take() {
        if (free.empty()) reclaim();
        if (free.empty()) return static_cast<std::byte*>(::operator new(bytes));
        auto* const slab = free.back();
        free.pop_back();
        return slab;
    }

    void put(std::byte* slab) {
        if (pthread_equal(owner, pthread_self()) != 0) {
            keep_or_release(slab);
            return;
        }
        auto* const node = new (slab) Returned{returned.load(std::memory_order_relaxed)};
        while (
            !returned.compare_exchange_weak(node->next, node, std::memory_order_release, std::memory_order_relaxed)) {
        }
    }

    void reclaim() {
        auto* node = returned.exchange(nullptr, std::memory_order_acquire);
        while (node != nullptr) {
            auto* const next = node->next;
            keep_or_release(reinterpret_cast<std::byte*>(node));
            node = next;
        }
    }

    void keep_or_release(std::byte* slab) {
        if (free.size() < keep) {
            free.push_back(slab);
        } else {
            release(slab);
        }
    }

    void release(std::byte* slab) const { ::operator delete(slab, bytes); }

    const std::size_t bytes;
    const std::size_t keep;
    pthread_t owner;
    std::vector<std::byte*> free;
    std::atomic<Returned*> returned{nullptr};
};

SlabPool::SlabPool()
    : small_(std::make_shared<Shelf>(k_small, 64)),
      medium_(std::make_shared<Shelf>(k_medium, 16)),
      large_(std::make_shared<Shelf>(k_large, 16)) {}

SlabPool::~SlabPool() = default;

void SlabPool::adopt_thread() noexcept { small_->owner = medium_->owner = large_->owner = pthread_self(); }

SlabPool::Slab SlabPool::get(std::size_t wanted) {
    const auto& shelf = wanted <= k_small ? small_ : wanted <= k_medium ? medium_ : large_;
    std::byte* const room = shelf->take();
    return {std::shared_ptr<std::byte>{room, [shelf](std::byte* slab) { shelf->put(slab); }}, {room, shelf->bytes}};
}

}  // namespace longshore::net

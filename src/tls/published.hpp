// A shared value that is replaced as a whole: readers take what is current, and keep it as long as they like.
//
// Threads: safe from any. The lock is held for one pointer copy, never while a value is made or destroyed.
// (std::atomic<std::shared_ptr> would be this, but libstdc++ 12 ends its loads without release order: a data race.)
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace longshore::tls {

template <class T>
class Published {
public:
    Published() = default;
    explicit Published(std::shared_ptr<T> value) : value_(std::move(value)) {}
    Published(const Published&) = delete;
    Published& operator=(const Published&) = delete;

    // Null before the first store.
    [[nodiscard]] std::shared_ptr<T> load() const {
        const std::lock_guard lock{mutex_};
        return value_;
    }
    void store(std::shared_ptr<T> value) {
        const std::lock_guard lock{mutex_};
        value_.swap(value);  // the old value goes with the argument, after the lock
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<T> value_;
};

}  // namespace longshore::tls

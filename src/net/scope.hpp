// Structured concurrency: children end before their Scope does.
//
// `cancel` makes every `net` operation of every child end with Errc::cancelled, also those that start later.
// The destructor asserts that no child is left: `co_await scope.join()` first. Children added after `cancel`
// never run. All calls on one loop.
#pragma once

#include "base/error.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>

namespace longshore::net {

class Suspension;

class Scope {
public:
    Scope() = default;
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

    void start(Task<> child);
    void cancel() noexcept;
    // Ends when no child is left. One caller at a time; when the caller is cancelled, so are the children.
    [[nodiscard]] Task<> join();

    [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    struct Child {
        boost::asio::cancellation_signal signal;
        bool running = false;
        Child* next = nullptr;
        Child* previous = nullptr;
    };
    static Task<> run(Scope& scope, Child& child, Task<> task);
    void link(Child& child) noexcept;
    void unlink(Child& child) noexcept;

    Child* children_ = nullptr;
    std::size_t size_ = 0;
    bool cancelled_ = false;
    Suspension* waiter_ = nullptr;
};

}  // namespace longshore::net

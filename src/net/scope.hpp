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
class Leash;

class Scope {
public:
    Scope() = default;
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

    void start(Task<> child);
    // As above; `leash`, which may live shorter or longer than the child, can cancel this child alone.
    void start(Task<> child, Leash& leash);
    void cancel() noexcept;
    // Ends when no child is left. One caller at a time; when the caller is cancelled, so are the children.
    [[nodiscard]] Task<> join();

    [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    friend class Leash;
    struct Child {
        boost::asio::cancellation_signal signal;
        Leash* leash = nullptr;
        bool running = false;
        bool cancelled = false;
        Child* next = nullptr;
        Child* previous = nullptr;
    };
    static void cancel(Child& child) noexcept;
    void spawn(Child& child, Task<> task);
    static Task<> run(Scope& scope, Child& child, Task<> task);
    void link(Child& child) noexcept;
    void unlink(Child& child) noexcept;

    Child* children_ = nullptr;
    std::size_t size_ = 0;
    bool cancelled_ = false;
    Suspension* waiter_ = nullptr;
};

// Holds one child of a Scope while it runs.
class Leash {
public:
    Leash() = default;
    Leash(const Leash&) = delete;
    Leash& operator=(const Leash&) = delete;
    ~Leash();

    // Nothing happens when the child has ended.
    void cancel() noexcept;
    [[nodiscard]] bool holds() const noexcept { return child_ != nullptr; }

private:
    friend class Scope;
    Scope::Child* child_ = nullptr;
};

}  // namespace longshore::net

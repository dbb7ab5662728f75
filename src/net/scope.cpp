#include "net/scope.hpp"

#include "net/loop.hpp"
#include "net/suspension.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <cassert>
#include <exception>
#include <utility>

namespace longshore::net {
namespace asio = boost::asio;

Scope::~Scope() { assert(size_ == 0); }

// Cancellation before the first suspension of an awaitable ends the process in Asio 1.83, so a child hears of it
// only once it runs with throwing switched off.
Task<> Scope::run(Scope& scope, Child& child, Task<> task) {
    co_await asio::this_coro::throw_if_cancelled(false);
    child.running = true;
    if (scope.cancelled_ || child.cancelled) co_return;
    co_await std::move(task);
}

void Scope::start(Task<> child) {
    if (!cancelled_) spawn(*new Child, std::move(child));
}

void Scope::start(Task<> child, Leash& leash) {
    assert(leash.child_ == nullptr);
    if (cancelled_) return;
    auto* const node = new Child;
    node->leash = &leash;
    leash.child_ = node;
    spawn(*node, std::move(child));
}

void Scope::spawn(Child& child, Task<> task) {
    link(child);
    auto* const node = &child;
    asio::co_spawn(Loop::current().context(), run(*this, child, std::move(task)),
                   asio::bind_cancellation_slot(child.signal.slot(), [this, node](const std::exception_ptr& bug) {
                       unlink(*node);
                       if (node->leash != nullptr) node->leash->child_ = nullptr;
                       delete node;
                       if (size_ == 0 && waiter_ != nullptr) waiter_->wake();
                       if (bug) std::rethrow_exception(bug);
                   }));
}

void Scope::cancel(Child& child) noexcept {
    if (std::exchange(child.cancelled, true)) return;
    if (child.running) child.signal.emit(asio::cancellation_type::terminal);
}

Leash::~Leash() {
    if (child_ != nullptr) child_->leash = nullptr;
}

void Leash::cancel() noexcept {
    if (child_ != nullptr) Scope::cancel(*child_);
}

void Scope::cancel() noexcept {
    if (cancelled_) return;
    cancelled_ = true;
    for (auto* child = children_; child != nullptr;) {
        auto* const next = child->next;
        cancel(*child);
        child = next;
    }
}

Task<> Scope::join() {
    assert(waiter_ == nullptr);
    Suspension waiter;
    waiter_ = &waiter;
    if (size_ != 0) {
        const auto why = co_await waiter.wait(Deadline::max());
        if (why == Suspension::Woken::cancelled) cancel();
    }
    while (size_ != 0) co_await waiter.wait_uncancelled();
    waiter_ = nullptr;
}

void Scope::link(Child& child) noexcept {
    child.next = children_;
    if (children_ != nullptr) children_->previous = &child;
    children_ = &child;
    ++size_;
}

void Scope::unlink(Child& child) noexcept {
    (child.previous != nullptr ? child.previous->next : children_) = child.next;
    if (child.next != nullptr) child.next->previous = child.previous;
    --size_;
}

}  // namespace longshore::net

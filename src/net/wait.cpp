#include "net/wait.hpp"

#include "net/loop.hpp"
#include "net/suspension.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cassert>

namespace longshore::net {
namespace asio = boost::asio;

Task<Suspension::Woken> Suspension::park(Cancellable cancellable) {
    assert(!parked_);
    const auto why = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Woken)>(
        [this, cancellable](auto handler) {
            parked_ = std::move(handler);
            // From the stored handler: storing puts a cancellation state of its own into the original slot.
            auto slot = parked_.get_cancellation_slot();
            if (cancellable == Cancellable::yes && slot.is_connected()) {
                slot.assign([this](asio::cancellation_type) { wake(Woken::cancelled); });
            }
        },
        asio::use_awaitable);
    auto state = co_await asio::this_coro::cancellation_state;
    if (cancellable == Cancellable::yes) state.slot().clear();
    co_return why;
}

Task<Suspension::Woken> Suspension::wait(Deadline deadline) {
    const bool cancelled = co_await is_cancelled();
    if (cancelled) co_return Woken::cancelled;
    Loop::current().timers().arm(*this, deadline);
    const auto why = co_await park(Cancellable::yes);
    disarm();
    co_return why;
}

Task<> Suspension::wait_uncancelled() { (void)co_await park(Cancellable::no); }

void Suspension::wake(Woken why) noexcept {
    if (!parked_) return;
    disarm();
    auto handler = std::move(parked_);
    parked_ = nullptr;
    asio::post(Loop::current().context(), [handler = std::move(handler), why]() mutable { std::move(handler)(why); });
}

Task<bool> is_cancelled() {
    const auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

Task<Error> sleep(Deadline until) {
    Suspension suspension;
    const auto why = co_await suspension.wait(until);
    co_return Error{why == Suspension::Woken::cancelled ? Errc::cancelled : Errc::timeout, "sleeping"};
}

Task<> yield() { co_await asio::post(asio::use_awaitable); }

struct EventWaiter {
    Suspension suspension;
    EventWaiter* next = nullptr;
    EventWaiter* previous = nullptr;
    bool linked = false;
};

Event::~Event() { assert(waiters_ == nullptr); }

void Event::unlink(EventWaiter& waiter) noexcept {
    if (!waiter.linked) return;
    waiter.linked = false;
    (waiter.previous != nullptr ? waiter.previous->next : waiters_) = waiter.next;
    if (waiter.next != nullptr) waiter.next->previous = waiter.previous;
}

Task<Result<>> Event::wait(Deadline deadline) {
    EventWaiter waiter;
    waiter.linked = true;
    waiter.next = waiters_;
    if (waiters_ != nullptr) waiters_->previous = &waiter;
    waiters_ = &waiter;
    const auto why = co_await waiter.suspension.wait(deadline);
    unlink(waiter);
    switch (why) {
        case Suspension::Woken::notified:
            co_return Result<>{};
        case Suspension::Woken::timed_out:
            co_return Error{Errc::timeout, "waiting"};
        case Suspension::Woken::cancelled:
            break;
    }
    co_return Error{Errc::cancelled, "waiting"};
}

void Event::notify() noexcept {
    while (waiters_ != nullptr) {
        EventWaiter& waiter = *waiters_;
        unlink(waiter);
        waiter.suspension.wake();
    }
}

}  // namespace longshore::net

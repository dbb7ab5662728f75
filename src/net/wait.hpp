// Waiting inside one loop: sleep, yield, and a signal that one coroutine raises for others.
//
// Sleep and signal end early with Errc::cancelled when the calling scope is cancelled, and with Errc::timeout at the
// deadline.
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"

#include <cstddef>

namespace longshore::net {

// True when the scope of the calling coroutine has been cancelled.
[[nodiscard]] Task<bool> is_cancelled();

// Always ends with an error: timeout at `until`, cancelled before.
[[nodiscard]] Task<Error> sleep(Deadline until);

// Lets what else is ready on this loop run first.
[[nodiscard]] Task<> yield();

// A condition that waiters re-check: `notify` wakes everyone who waits at that moment. Same loop only.
// Destroying an Event that is waited for is a bug.
class Event {
public:
    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event();

    [[nodiscard]] Task<Result<>> wait(Deadline deadline);
    void notify() noexcept;
    [[nodiscard]] bool waited_for() const noexcept { return waiters_ != nullptr; }

private:
    void unlink(struct EventWaiter& waiter) noexcept;
    struct EventWaiter* waiters_ = nullptr;
};

}  // namespace longshore::net

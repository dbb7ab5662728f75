// A coroutine parked until somebody on its loop wakes it, its deadline passes or its scope is cancelled.
//
// The building block of Event, sleep and the doors between loops; other rooms use those.
#pragma once

#include "base/error.hpp"
#include "net/timer.hpp"

#include <boost/asio/any_completion_handler.hpp>

#include <cstdint>

namespace longshore::net {

class Suspension final : private Timer {
public:
    enum class Woken : std::uint8_t { notified, timed_out, cancelled };

    // One waiter at a time.
    [[nodiscard]] Task<Woken> wait(Deadline deadline);
    // Ends by `wake` only.
    [[nodiscard]] Task<> wait_uncancelled();
    // Resumes the waiter on a later turn of its loop; nothing happens when there is none.
    void wake(Woken why = Woken::notified) noexcept;

private:
    enum class Cancellable : bool { no, yes };
    void fire() noexcept override { wake(Woken::timed_out); }
    [[nodiscard]] Task<Woken> park(Cancellable cancellable);

    boost::asio::any_completion_handler<void(Woken)> parked_;
};

}  // namespace longshore::net

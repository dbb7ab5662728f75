// One event loop: an io_context run by one thread, with its timer wheel and its slabs.
//
// Every object of the data plane belongs to one loop and is touched on it only. `Loop::current()` is the loop
// of the running coroutine. `on_loop` is the door to another one.
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "net/slab.hpp"
#include "net/timer.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>

namespace longshore::net {

class Loop {
public:
    // `clock` outlives the loop. `index` is the loop's place among its siblings. The process ignores SIGPIPE from then
    // on.
    explicit Loop(const Clock& clock, std::size_t index = 0);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();

    [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }
    [[nodiscard]] TimerWheel& timers() noexcept { return timers_; }
    [[nodiscard]] SlabPool& slabs() noexcept { return slabs_; }
    [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
    [[nodiscard]] Deadline now() const noexcept { return clock_.now(); }
    [[nodiscard]] std::size_t index() const noexcept { return index_; }

    // Runs until there is nothing left to do or `stop` is called. The calling thread is the loop's thread.
    void run();
    // Runs what is ready, without waiting; the number of handlers run. For tests with a manual clock.
    std::size_t poll();
    void stop() { context_.stop(); }

    // The loop of the calling thread; undefined outside one.
    [[nodiscard]] static Loop& current() noexcept;

private:
    const Clock& clock_;
    std::size_t index_;
    boost::asio::io_context context_;
    SlabPool slabs_;
    TimerWheel timers_;
};

}  // namespace longshore::net

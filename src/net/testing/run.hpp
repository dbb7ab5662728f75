// Runs one coroutine on a loop of its own, for tests.
#pragma once

#include "net/loop.hpp"
#include "net/scope.hpp"

#include <optional>
#include <thread>
#include <utility>

namespace longshore::net::testing {

template <class T>
Task<> store(Task<T> task, std::optional<T>& into, Loop& loop) {
    into.emplace(co_await std::move(task));
    loop.stop();
}

// Runs `task` to its end on a new loop with the machine's clock.
template <class T>
T run(Task<T> task) {
    static const SystemClock clock;
    Loop loop{clock};
    Scope scope;
    std::optional<T> result;
    boost::asio::post(loop.context(), [&] { scope.start(store(std::move(task), result, loop)); });
    loop.run();
    (void)loop.poll();
    return std::move(*result);
}

// A loop on a thread of its own, stopped and joined at the end.
class LoopThread {
public:
    explicit LoopThread(std::size_t index = 0) : loop_(clock_, index), thread_([this] { loop_.run(); }) {}
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;
    ~LoopThread() {
        loop_.stop();
        thread_.join();
        (void)loop_.poll();
    }
    [[nodiscard]] Loop& loop() noexcept { return loop_; }

private:
    SystemClock clock_;
    Loop loop_;
    std::thread thread_;
};

}  // namespace longshore::net::testing

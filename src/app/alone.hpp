// Runs one task to its end on a loop made for it, on the calling thread: for start-up and the client commands.
#pragma once

#include "net/loop.hpp"
#include "net/scope.hpp"

#include <boost/asio/post.hpp>

#include <optional>
#include <utility>

namespace longshore::app {

template <class T>
Task<> keep_result(Task<T> task, std::optional<T>& result, net::Loop& loop) {
    result.emplace(co_await std::move(task));
    loop.stop();
}

template <class T>
[[nodiscard]] T run_alone(Task<T> task) {
    const SystemClock clock;
    net::Loop loop{clock};
    net::Scope scope;
    std::optional<T> result;
    boost::asio::post(loop.context(), [&] { scope.start(keep_result(std::move(task), result, loop)); });
    loop.run();
    while (scope.size() != 0) (void)loop.poll();
    return std::move(*result);
}

}  // namespace longshore::app

// Threads for calls that may wait for a disk.
//
// `run` executes a function there and resumes the caller on its own loop. Work in the pool is not cancelled: a
// caller that is cancelled still waits for its function to end, so what the function touches stays alive.
#pragma once

#include "base/error.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace longshore {

class DiskPool {
public:
    explicit DiskPool(std::size_t threads) : threads_(threads) {}
    ~DiskPool() { threads_.join(); }

    template <class F>
    Task<std::invoke_result_t<F&>> run(F function) {
        using Value = std::invoke_result_t<F&>;
        std::optional<Value> value;
        co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
            [this, &function, &value](auto handler) {
                auto executor = boost::asio::get_associated_executor(handler);
                auto work = boost::asio::make_work_guard(executor);
                boost::asio::post(threads_, [&function, &value, executor, work = std::move(work),
                                             handler = std::move(handler)]() mutable {
                    value.emplace(function());
                    // The guard goes along: released here, it could touch a loop that has ended meanwhile.
                    boost::asio::post(executor, [work = std::move(work), handler = std::move(handler)]() mutable {
                        work.reset();
                        std::move(handler)();
                    });
                });
            },
            boost::asio::use_awaitable);
        co_return std::move(*value);
    }

private:
    boost::asio::thread_pool threads_;
};

}  // namespace longshore

// The door between loops: run a task on another loop and come back with its result.
//
// Cancellation of the caller crosses over: the task's net operations end with Errc::cancelled. The caller waits
// for the task to end in every case, so that references it passed stay valid. An exception crosses back. `tell` is for
// what needs no answer.
#pragma once

#include "base/error.hpp"
#include "net/loop.hpp"
#include "net/scope.hpp"
#include "net/suspension.hpp"

#include <boost/asio/post.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace longshore::net {

template <class T>
class Crossing : public std::enable_shared_from_this<Crossing<T>> {
public:
    Crossing(Loop& here, Loop& there) : here_(here), there_(there) {}

    Task<T> run(Task<T> task) {
        boost::asio::post(there_.context(), [self = this->shared_from_this(), task = std::move(task)]() mutable {
            self->scope_.emplace();
            self->scope_->start(work(self, std::move(task)));
        });
        const auto why = co_await back_.wait(Deadline::max());
        if (why == Suspension::Woken::cancelled && !returned_) {
            boost::asio::post(there_.context(), [self = this->shared_from_this()] {
                if (self->scope_) self->scope_->cancel();
            });
            while (!returned_) co_await back_.wait_uncancelled();
        }
        if (bug_) std::rethrow_exception(bug_);
        if constexpr (!std::is_void_v<T>) co_return std::move(*value_);
    }

private:
    using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    static Task<> work(std::shared_ptr<Crossing> self, Task<T> task) {
        try {
            if constexpr (std::is_void_v<T>) {
                co_await std::move(task);
            } else {
                self->value_.emplace(co_await std::move(task));
            }
        } catch (...) {
            self->bug_ = std::current_exception();
        }
        leave(std::move(self));
    }

    // The scope ends on its own loop, after its child has left it, and before the caller goes on.
    static void leave(std::shared_ptr<Crossing> self) {
        auto& there = self->there_;
        boost::asio::post(there.context(), [self = std::move(self)]() mutable {
            if (self->scope_->size() != 0) {
                leave(std::move(self));
                return;
            }
            self->scope_.reset();
            auto& here = self->here_;
            boost::asio::post(here.context(), [self = std::move(self)] {
                self->returned_ = true;
                self->back_.wake();
            });
        });
    }

    Loop& here_;
    Loop& there_;
    std::optional<Scope> scope_;  // on the other loop
    std::optional<Value> value_;
    std::exception_ptr bug_;
    Suspension back_;        // on the caller's loop
    bool returned_ = false;  // on the caller's loop
};

template <class T>
[[nodiscard]] Task<T> on_loop(Loop& loop, Task<T> task) {
    Loop& here = Loop::current();
    if (&here == &loop) co_return co_await std::move(task);
    const auto crossing = std::make_shared<Crossing<T>>(here, loop);
    co_return co_await crossing->run(std::move(task));
}

// Has `what` run on another loop, some time; never, when that loop ends first. Nobody waits for it.
template <class What>
void tell(Loop& loop, What what) {
    boost::asio::post(loop.context(), std::move(what));
}

}  // namespace longshore::net

// The door between loops: run a task on another loop and come back with its result.
//
// Cancellation of the caller crosses over: the task's net operations end with Errc::cancelled. The caller waits
// for the task to end in every case, so references it passed stay valid. T must be movable.
#pragma once

#include "base/error.hpp"
#include "net/loop.hpp"

namespace longshore::net {

template <class T>
[[nodiscard]] Task<T> on_loop(Loop& loop, Task<T> task);

}  // namespace longshore::net

// Two joined byte streams, in one loop or across two: what is written to one end is read from the other.
//
// At most `bound_bytes` wait in each direction; then the writer waits. Across loops, wake-ups are batched: one
// post per side however many chunks moved. A file range is written as its bytes.
#pragma once

#include "net/loop.hpp"
#include "net/stream.hpp"

#include <cstddef>
#include <memory>
#include <utility>

namespace longshore::net {

[[nodiscard]] std::pair<std::unique_ptr<ByteStream>, std::unique_ptr<ByteStream>> pipe(Loop& a, Loop& b,
                                                                                       std::size_t bound_bytes);

}  // namespace longshore::net

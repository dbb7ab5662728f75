#include "net/copy_file.hpp"

#include "net/loop.hpp"

#include <algorithm>

namespace longshore::net {

Task<Result<>> copy_file(ByteStream& stream, FileRange range, Deadline deadline) {
    while (range.length != 0) {
        auto slab = Loop::current().slabs().get(SlabPool::k_small);
        const auto room = slab.room.first(std::min<std::uint64_t>(slab.room.size(), range.length));
        const auto got = range.file->read_at(range.offset, room);
        if (!got) co_return got.error();
        if (*got == 0) co_return Error{Errc::corrupt, "a file being sent is shorter than it was"};
        range.offset += *got;
        range.length -= *got;
        auto wrote = co_await stream.write(std::move(slab).take(*got), deadline);
        if (!wrote) co_return wrote;
    }
    co_return Result<>{};
}

}  // namespace longshore::net

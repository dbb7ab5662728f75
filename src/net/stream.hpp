// The one shape of a connected byte transport: TCP, TLS, an HTTP/2 stream, an upgraded connection, a pipe.
//
// Ownership: destroying a stream aborts it.
// Threads:   every call on the loop that owns the stream; one reader and one writer at a time.
// Errors:    timeout (the deadline passed), cancelled (the calling scope was cancelled, or `abort`),
//            peer_closed (reset, or written to after the peer went), io, corrupt (TLS record errors).
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "net/chunk.hpp"

#include <chrono>
#include <cstdint>

namespace longshore::net {

// How long one wait for the peer may last, whatever the deadline of the whole operation: a peer that goes silent
// is cut, one that is slow but moves is not, unless it takes less than `write_rate` over `write_idle`.
struct Pace {
    std::chrono::nanoseconds read_idle = std::chrono::nanoseconds::max();
    std::chrono::nanoseconds write_idle = std::chrono::nanoseconds::max();
    std::uint64_t write_rate = 0;  // bytes per second
};

class ByteStream {
public:
    virtual ~ByteStream() = default;
    // At least one byte, at most `at_most`; an empty chunk means that the peer has ended its direction.
    [[nodiscard]] virtual Task<Result<Chunk>> read(std::size_t at_most, Deadline deadline) = 0;
    // Ends when the transport took every byte.
    [[nodiscard]] virtual Task<Result<>> write(Chunk chunk, Deadline deadline) = 0;
    // As `write`, from a file; by sendfile where the transport can. A file shorter than the range is Errc::corrupt.
    [[nodiscard]] virtual Task<Result<>> write_file(FileRange range, Deadline deadline) = 0;
    // Ends our direction.
    [[nodiscard]] virtual Task<Result<>> finish(Deadline deadline) = 0;
    // False when finish() ends both directions.
    [[nodiscard]] virtual bool half_closes() const noexcept = 0;
    virtual void abort(Errc reason) noexcept = 0;
    virtual void set_pace(Pace pace) noexcept = 0;
};

}  // namespace longshore::net

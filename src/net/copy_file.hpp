// Writing a file range to a stream that cannot send files by itself: its bytes, in small slabs.
//
// Bytes that are not in memory are read on the calling loop. Errors: as ByteStream::write_file.
#pragma once

#include "net/stream.hpp"

namespace longshore::net {

// `stream` outlives the call.
[[nodiscard]] Task<Result<>> copy_file(ByteStream& stream, FileRange range, Deadline deadline);

}  // namespace longshore::net

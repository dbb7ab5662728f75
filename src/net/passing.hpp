// Descriptors that go from one process to another over a Unix socket, one with each byte (SCM_RIGHTS).
//
// Errors:  peer_closed, timeout, cancelled, io.
// Source:  unix(7).
#pragma once

#include "net/descriptor.hpp"
#include "net/tcp.hpp"

namespace longshore::net {

struct Passed {
    char mark = 0;
    Descriptor descriptor;  // may be none
};

// `descriptor` below 0: the byte alone.
[[nodiscard]] Task<Result<>> pass(TcpStream& stream, char mark, int descriptor, Deadline deadline);
// Blocks, for as long as the socket's SO_RCVTIMEO says.
[[nodiscard]] Result<Passed> receive_passed(int socket);

// The user id of the process at the other end.
[[nodiscard]] Result<unsigned> peer_user(int socket);

}  // namespace longshore::net

#include "net/passing.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace longshore::net {
namespace {

// A message of one byte with room for one descriptor; points into itself.
struct Parcel {
    Parcel() {
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
    }
    Parcel(const Parcel&) = delete;
    Parcel& operator=(const Parcel&) = delete;
    ~Parcel() = default;

    void enclose(int descriptor) {
        if (descriptor < 0) {
            message.msg_controllen = 0;
            return;
        }
        auto* const head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    }
    [[nodiscard]] Descriptor enclosed() {
        const auto* const head = CMSG_FIRSTHDR(&message);
        if (head == nullptr || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) return {};
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
        return Descriptor{descriptor};
    }

    char mark = 0;
    iovec part{&mark, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
};

}  // namespace

Task<Result<>> pass(TcpStream& stream, char mark, int descriptor, Deadline deadline) {
    Parcel parcel;
    parcel.mark = mark;
    parcel.enclose(descriptor);
    for (;;) {
        if (::sendmsg(stream.descriptor(), &parcel.message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) co_return Result<>{};
        if (errno == EINTR) continue;
        if (errno != EAGAIN) co_return errno_error(errno, "handing a descriptor over");
        auto ready = co_await stream.wait_writable(deadline);
        if (!ready) co_return ready;
    }
}

Result<Passed> receive_passed(int socket) {
    Parcel parcel;
    ssize_t got = -1;
    do {
        got = ::recvmsg(socket, &parcel.message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got == 0) return Error{Errc::peer_closed, "the other process ended the hand-over"};
    if (got < 0 && errno == EAGAIN) return Error{Errc::timeout, "the other process does not answer"};
    if (got < 0) return errno_error(errno, "receiving a descriptor");
    return Passed{parcel.mark, parcel.enclosed()};
}

Result<unsigned> peer_user(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return errno_error(errno, "asking who it is");
    return static_cast<unsigned>(peer.uid);
}

}  // namespace longshore::net

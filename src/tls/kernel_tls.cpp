#include "tls/kernel_tls.hpp"

#include <openssl/opensslconf.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace longshore::tls {
namespace {

#ifdef OPENSSL_NO_KTLS
constexpr bool k_library_can = false;
#else
constexpr bool k_library_can = true;
#endif

class Socket {
public:
    explicit Socket(int descriptor) : descriptor_(descriptor) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    [[nodiscard]] int get() const noexcept { return descriptor_; }

private:
    int descriptor_;
};

int tcp_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

// An established connection is needed: the kernel refuses others whatever it can do.
bool connect_pair(const Socket& listening, const Socket& connecting) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    return ::bind(listening.get(), any, size) == 0 && ::listen(listening.get(), 1) == 0 &&
           ::getsockname(listening.get(), any, &size) == 0 && ::connect(connecting.get(), any, size) == 0;
}

}  // namespace

Result<> probe_kernel_tls() {
    if (!k_library_can) return Error{Errc::unsupported, "the TLS library was built without it"};
    const Socket listening{tcp_socket()};
    const Socket connecting{tcp_socket()};
    if (!connect_pair(listening, connecting)) return errno_error(errno, "trying kernel TLS over loopback");
    constexpr std::string_view k_protocol = "tls";
    if (::setsockopt(connecting.get(), IPPROTO_TCP, TCP_ULP, k_protocol.data(), k_protocol.size()) == 0) return {};
    if (errno == ENOENT)
        return Error{Errc::unsupported,
                     "the kernel has no TLS: built without CONFIG_TLS, or its module tls is not loaded"};
    return errno_error(errno, "trying kernel TLS");
}

}  // namespace longshore::tls

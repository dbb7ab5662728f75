#include "telemetry/systemd.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>

namespace longshore::telemetry {
namespace {

constexpr suseconds_t k_send_limit_us = 200'000;

struct SocketAddress {
    sockaddr_un name{};
    socklen_t size = 0;
};

Result<SocketAddress> socket_address(const std::string& path) {
    if (path.starts_with("vsock")) return Error{Errc::unsupported, "NOTIFY_SOCKET " + path};
    SocketAddress address;
    const bool known = path.size() > 1 && (path.front() == '/' || path.front() == '@');
    if (!known || path.size() >= sizeof(address.name.sun_path)) return Error{Errc::invalid, "NOTIFY_SOCKET " + path};
    address.name.sun_family = AF_UNIX;
    std::ranges::copy(path, address.name.sun_path);
    if (path.front() == '@') address.name.sun_path[0] = '\0';
    // Abstract names are all bytes of the given size; paths end with a NUL.
    address.size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path.front() == '/' ? 1 : 0));
    return address;
}

class Socket {
public:
    Socket() : descriptor_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        const timeval limit{0, k_send_limit_us};
        if (descriptor_ >= 0) ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    [[nodiscard]] bool send(const std::string& message, const SocketAddress& to) const {
        return descriptor_ >= 0 && ::sendto(descriptor_, message.data(), message.size(), MSG_NOSIGNAL,
                                            reinterpret_cast<const sockaddr*>(&to.name), to.size) >= 0;
    }

private:
    int descriptor_;
};

std::optional<std::uint64_t> number(const char* text) {
    if (text == nullptr) return std::nullopt;
    const std::string_view digits{text};
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
    return value;
}

// WATCHDOG_PID names the process that is meant; without it, whoever reads the variable is.
std::optional<std::chrono::microseconds> watchdog_interval() {
    const auto interval = number(std::getenv("WATCHDOG_USEC"));
    const auto* pid = std::getenv("WATCHDOG_PID");
    const bool mine = pid == nullptr || number(pid) == static_cast<std::uint64_t>(::getpid());
    if (!interval || *interval == 0 || !mine) return std::nullopt;
    constexpr std::uint64_t k_longest = 1'000'000ULL * 3600 * 24 * 365;
    return std::chrono::microseconds{std::min(*interval, k_longest)};
}

// One line: a newline would start another variable.
std::string status_line(std::string_view text) {
    std::string line{"STATUS="};
    line.append(text);
    std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    return line;
}

// The names of `count` descriptors, as systemd gives them: separated by colons.
std::vector<std::string> descriptor_names(std::string_view text, std::size_t count) {
    std::vector<std::string> names(count, "unknown");
    for (auto& name : names) {
        const auto end = std::min(text.find(':'), text.size());
        if (end != 0) name = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return names;
}

}  // namespace

Result<std::vector<ActivationSocket>> activation_sockets() {
    constexpr int k_first = 3;  // SD_LISTEN_FDS_START
    constexpr std::uint64_t k_most = 1024;
    const bool ours = number(std::getenv("LISTEN_PID")) == static_cast<std::uint64_t>(::getpid());
    const auto count = ours ? number(std::getenv("LISTEN_FDS")).value_or(0) : 0;
    const auto* const text = std::getenv("LISTEN_FDNAMES");
    std::vector<ActivationSocket> sockets;
    if (count <= k_most) {
        const auto names = descriptor_names(text != nullptr ? text : "", count);
        for (const auto& name : names) sockets.push_back({k_first + static_cast<int>(sockets.size()), name});
    }
    for (const auto* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) ::unsetenv(name);
    if (count > k_most) return Error{Errc::invalid, "LISTEN_FDS " + std::to_string(count)};
    return sockets;
}

ServiceManager ServiceManager::from_environment() {
    Address address;
    if (const auto* path = std::getenv("NOTIFY_SOCKET")) address.notify_socket = path;
    if (!address.notify_socket.empty()) address.watchdog = watchdog_interval();
    for (const auto* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
    return ServiceManager{std::move(address)};
}

Result<> ServiceManager::ready(std::string_view status) { return send("READY=1\n" + status_line(status)); }

Result<> ServiceManager::reloading(Deadline now) {
    const auto since_boot = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
    return send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(since_boot.count()));
}

Result<> ServiceManager::stopping(std::string_view status) { return send("STOPPING=1\n" + status_line(status)); }

Result<> ServiceManager::status(std::string_view text) { return send(status_line(text)); }

Result<> ServiceManager::alive() { return send("WATCHDOG=1"); }

std::optional<std::chrono::microseconds> ServiceManager::alive_every() const {
    if (!address_.watchdog) return std::nullopt;
    return *address_.watchdog / 2;
}

Result<> ServiceManager::send(std::string message) const {
    if (address_.notify_socket.empty()) return {};
    const auto address = socket_address(address_.notify_socket);
    if (!address) return address.error();
    const Socket socket;
    if (socket.send(message, *address)) return {};
    if (errno == EAGAIN) return Error{Errc::overloaded, address_.notify_socket + " is not read"};
    return errno_error(errno, address_.notify_socket + " send");
}

}  // namespace longshore::telemetry

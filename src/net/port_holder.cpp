#include "net/port_holder.hpp"

#include <charconv>
#include <sstream>
#include <vector>

namespace longshore::net {
namespace {

constexpr std::size_t k_table_limit = std::size_t{4} << 20;  // bytes of /proc/net/tcp
constexpr std::string_view k_listening = "0A";

// The inodes of sockets that listen on `port`, as /proc/<pid>/fd shows them: "socket:[4711]".
std::vector<std::string> listening_sockets(Files& files, std::uint16_t port) {
    std::vector<std::string> sockets;
    for (const auto* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        const auto text = read_whole(files, table, k_table_limit);
        if (!text) continue;
        std::istringstream lines{*text};
        for (std::string line; std::getline(lines, line);) {
            std::istringstream row{line};
            std::string slot, local, remote, state, queues, timer, retries, user, timeout, inode;
            row >> slot >> local >> remote >> state >> queues >> timer >> retries >> user >> timeout >> inode;
            const auto colon = local.rfind(':');
            if (state != k_listening || colon == std::string::npos) continue;
            unsigned number = 0;
            std::from_chars(local.data() + colon + 1, local.data() + local.size(), number, 16);
            if (number == port) sockets.push_back("socket:[" + inode + "]");
        }
    }
    return sockets;
}

bool holds_one(Files& files, const std::string& process, const std::vector<std::string>& sockets) {
    const auto descriptors = files.list(process + "/fd");
    if (!descriptors) return false;
    for (const auto& descriptor : *descriptors) {
        const auto target = files.link_target(process + "/fd/" + descriptor.name);
        if (target && std::ranges::find(sockets, *target) != sockets.end()) return true;
    }
    return false;
}

}  // namespace

std::optional<PortHolder> port_holder(Files& files, std::uint16_t port) {
    const auto sockets = listening_sockets(files, port);
    const auto processes = files.list("/proc");
    if (sockets.empty() || !processes) return std::nullopt;
    for (const auto& entry : *processes) {
        int pid = 0;
        const auto [end, error] = std::from_chars(entry.name.data(), entry.name.data() + entry.name.size(), pid);
        if (error != std::errc{} || end != entry.name.data() + entry.name.size()) continue;
        const auto process = "/proc/" + entry.name;
        if (!holds_one(files, process, sockets)) continue;
        auto program = read_whole(files, process + "/comm", 256);
        if (program && program->ends_with('\n')) program->pop_back();
        return PortHolder{pid, program ? std::move(*program) : "a process"};
    }
    return std::nullopt;
}

}  // namespace longshore::net

#include "app/privilege.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <vector>

namespace longshore::app {
namespace {

constexpr std::uint32_t k_bind = 1U << CAP_NET_BIND_SERVICE;
constexpr int k_capabilities = 64;

std::optional<unsigned> number(std::string_view text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Error unknown(std::string_view what, std::string_view name) {
    return {Errc::invalid, "user: there is no " + std::string{what} + " \"" + std::string{name} +
                               "\" on this machine: create it, or name another"};
}

Result<unsigned> group_id(std::string_view name) {
    if (const auto id = number(name)) return *id;
    const auto* const entry = ::getgrnam(std::string{name}.c_str());
    if (entry == nullptr) return unknown("group", name);
    return static_cast<unsigned>(entry->gr_gid);
}

// What is left to this thread: the one capability, where it has it.
Result<> keep_bind_only() {
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> sets{};
    if (::syscall(SYS_capget, &head, sets.data()) != 0) return errno_error(errno, "reading capabilities");
    const auto kept = sets[0].permitted & k_bind;
    sets = {};
    sets[0].permitted = sets[0].effective = kept;
    if (::syscall(SYS_capset, &head, sets.data()) != 0) return errno_error(errno, "giving up capabilities");
    return {};
}

bool is_directory(Files& files, const std::string& path) {
    const auto listed = files.list(path);
    return listed || listed.error().code != Errc::not_found;
}

}  // namespace

Result<Privilege> Privilege::prepare(const std::string& user) {
    Privilege privilege;
    if (user.empty()) return privilege;
    const auto colon = std::min(user.find(':'), user.size());
    privilege.name_ = user.substr(0, colon);
    const auto id = number(privilege.name_);
    const auto* const entry = id ? ::getpwuid(*id) : ::getpwnam(privilege.name_.c_str());
    if (entry == nullptr && !id) return unknown("user", privilege.name_);
    if (entry == nullptr && colon == user.size()) {
        return Error{Errc::invalid, "user: " + user + " has no group on this machine: write " + user + ":GROUP"};
    }
    privilege.known_ = entry != nullptr;
    privilege.user_ = id ? *id : static_cast<unsigned>(entry->pw_uid);
    if (privilege.known_) {
        privilege.name_ = entry->pw_name;
        privilege.group_ = static_cast<unsigned>(entry->pw_gid);
    }
    if (colon < user.size()) {
        const auto group = group_id(std::string_view{user}.substr(colon + 1));
        if (!group) return group.error();
        privilege.group_ = *group;
    }
    if (privilege.user_ == 0) return Error{Errc::invalid, "user: root is no user to change to: name an ordinary one"};
    const bool already = ::geteuid() == privilege.user_ && ::getuid() == privilege.user_;
    if (!already && ::geteuid() != 0) {
        return Error{Errc::denied, "user: only root can become " + user + ": start as root, or leave `user` out"};
    }
    privilege.changes_ = !already;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error(errno, "user: giving up new privileges");
    // Without CAP_SETPCAP, as in some containers, it stays; then nothing new can be gained from it either.
    for (int capability = 0; capability < k_capabilities; ++capability) {
        (void)::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
    return privilege;
}

Result<> Privilege::make_directory(Files& files, const std::string& path) const {
    if (!changes_) return {};
    std::vector<std::string> missing;
    for (auto at = path; !at.empty() && !is_directory(files, at); at = at.substr(0, at.find_last_of('/'))) {
        missing.push_back(at);
    }
    if (missing.empty()) return {};
    if (auto made = files.make_directories(path); !made) return made;
    for (const auto& made : missing) {
        if (auto given = files.give(made, user_, group_); !given) return given;
    }
    return {};
}

Result<> Privilege::drop() const {
    if (!changes_) return {};
    const auto failed = [this](const char* what) { return errno_error(errno, "user " + name_ + ": " + what); };
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return failed("keeping the right to bind");
    const gid_t only = group_;
    const int grouped = known_ ? ::initgroups(name_.c_str(), group_) : ::setgroups(1, &only);
    if (grouped != 0) return failed("its groups");
    if (::setresgid(group_, group_, group_) != 0) return failed("its group");
    if (::setresuid(user_, user_, user_) != 0) return failed("becoming it");
    if (auto kept = keep_bind_only(); !kept) return kept;
    if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) return failed("keeping the right to bind");
    if (::setresuid(0, 0, 0) == 0 || ::geteuid() != user_ || ::getegid() != group_) {
        return Error{Errc::denied, "user " + name_ + ": root could not be given up for good"};
    }
    return {};
}

}  // namespace longshore::app

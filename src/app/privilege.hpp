// Giving up root for good: another user, its groups, no capability but binding ports below 1024, no way back.
//
// `prepare` runs before any thread, so that what a thread cannot be told later is inherited: nothing is gained by
// executing a program. `drop` runs once everything that needs root is open, before the threads of the loops start; the
// C library changes the user of the threads that are there.
//
// Threads: the main thread.
// Errors:  invalid (no such user or group), denied (not root), io; each names the user and what to do.
// Source:  capabilities(7), credentials(7), prctl(2) PR_SET_NO_NEW_PRIVS.
#pragma once

#include "base/files.hpp"

#include <string>

namespace longshore::app {

class Privilege {
public:
    // `user` is NAME, NAME:GROUP, or numbers for either; empty: stay who we are.
    [[nodiscard]] static Result<Privilege> prepare(const std::string& user);

    // Makes the directory and what is missing above it, for the user to be; nothing when it is there.
    [[nodiscard]] Result<> make_directory(Files& files, const std::string& path) const;
    [[nodiscard]] Result<> drop() const;
    // To say beside a file that cannot be read or written: " by user longshore", or nothing.
    [[nodiscard]] std::string by_whom() const { return changes_ ? " by user " + name_ : std::string{}; }
    [[nodiscard]] bool changes() const noexcept { return changes_; }

private:
    std::string name_;
    unsigned user_ = 0;
    unsigned group_ = 0;
    bool known_ = false;  // it has an entry with more groups
    bool changes_ = false;
};

}  // namespace longshore::app

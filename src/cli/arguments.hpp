// Splitting a command line by what a command accepts. Pure.
//
// `--flag value` and `--flag=value` are the same; a switch takes a value only after "=". `--` ends the flags. All
// problems are found together.
#pragma once

#include "cli/command.hpp"

#include <span>
#include <string>
#include <vector>

namespace longshore::cli {

struct Arguments {
    Call call;
    bool wants_help = false;
    std::vector<std::string> problems;  // sentences
};

// `settings` are those of the configuration, for commands that take them.
[[nodiscard]] Arguments parse_arguments(const Command& command, std::span<const config::Setting> settings,
                                        std::span<const std::string> words);

}  // namespace longshore::cli

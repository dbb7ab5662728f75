// What `longshore help`, `--help` and a wrong command line print. Pure.
#pragma once

#include "cli/command.hpp"

#include <string>

namespace longshore::cli {

// The list of commands.
[[nodiscard]] std::string overview();
// Synopsis, what it does, examples, options with defaults.
[[nodiscard]] std::string manual(const Command& command);

}  // namespace longshore::cli

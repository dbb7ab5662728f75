// The parts of the commands that are more than a line.
#pragma once

#include "cli/command.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::cli {

[[nodiscard]] const Command* find_command(std::string_view name);
// Says so, with what may have been meant; k_misused.
[[nodiscard]] int unknown_command(const std::string& name, Surroundings& surroundings);

// Loads the configuration and hands it over; with mistakes prints them all instead.
[[nodiscard]] int run_role(const Call& call, Surroundings& surroundings, app::Role role,
                           const std::function<int(app::Start)>& action);

[[nodiscard]] int check_file(const Call& call, Surroundings& surroundings);
[[nodiscard]] int ask_stats(const Call& call, Surroundings& surroundings);

// Where `healthcheck` asks when nothing was named.
[[nodiscard]] std::vector<std::string> healthcheck_urls(std::span<const config::Variable> environment);

}  // namespace longshore::cli

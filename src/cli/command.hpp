// The subcommands as a table, and what a command is given when it runs.
//
// Threads: the main thread only. Errors: exit statuses; 0 done, 1 failed, 2 the command line or configuration is wrong.
#pragma once

#include "app/app.hpp"
#include "base/files.hpp"
#include "config/layers.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::cli {

constexpr int k_done = 0;
constexpr int k_failed = 1;
constexpr int k_misused = 2;

// What the command line hands over to; main gives the functions of app/app.hpp.
struct Actions {
    std::function<int(app::Start)> up;
    std::function<int(app::Start)> mirror;
    std::function<int(const std::vector<std::string>&)> healthcheck;
    std::function<int(const app::StatsQuery&)> mirror_stats;
};

// The world outside; everything outlives the command.
struct Surroundings {
    std::ostream& out;
    std::ostream& err;
    Files& files;
    std::vector<config::Variable> environment;
    app::Account account;
    const Actions& actions;
};

struct Option {
    std::string_view name;         // without dashes
    std::string_view placeholder;  // empty: a switch
    std::string_view doc;
};

// A command line, understood.
struct Call {
    std::map<std::string, std::string, std::less<>> options;
    std::vector<std::string> operands;
    std::vector<config::FlagValue> settings;

    [[nodiscard]] bool has(std::string_view option) const { return options.contains(option); }
    [[nodiscard]] std::string value(std::string_view option, std::string otherwise = {}) const {
        const auto found = options.find(option);
        return found == options.end() ? std::move(otherwise) : found->second;
    }
};

// Which operands a command wants.
enum class Operands : std::uint8_t { none, one, any };

struct Command {
    std::string_view name;      // "config check"
    std::string_view synopsis;  // what follows the name
    std::string_view summary;   // for the list of commands
    std::string_view text;      // paragraphs, each on a line
    std::string_view examples;  // one on each line
    std::vector<Option> options;
    Operands operands = Operands::none;
    std::optional<app::Role> role;  // takes the configuration as flags
    int (*run)(const Call&, Surroundings&) = nullptr;
};

[[nodiscard]] std::span<const Command> commands();

// The whole program. `arguments` without the program's name.
[[nodiscard]] int run(std::span<const std::string> arguments, Surroundings& surroundings);

}  // namespace longshore::cli

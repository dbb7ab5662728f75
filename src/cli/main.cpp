#include "cli/command.hpp"

#include <unistd.h>

#include <iostream>

extern char** environ;

namespace {

using namespace longshore;

std::vector<config::Variable> environment() {
    std::vector<config::Variable> variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        const auto equals = text.find('=');
        if (equals == std::string_view::npos) continue;
        variables.push_back({std::string{text.substr(0, equals)}, std::string{text.substr(equals + 1)}});
    }
    return variables;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const std::vector<std::string> arguments{argv + 1, argv + argc};
        const cli::Actions actions{app::run_up, app::run_mirror, app::healthcheck, app::mirror_stats};
        cli::Surroundings surroundings{.out = std::cout,
                                       .err = std::cerr,
                                       .files = system_files(),
                                       .environment = environment(),
                                       .account = ::geteuid() == 0 ? app::Account::root : app::Account::ordinary,
                                       .actions = actions};
        return cli::run(arguments, surroundings);
    } catch (const std::exception& error) {
        std::cerr << "longshore: " << error.what() << "\n";
        return cli::k_failed;
    }
}

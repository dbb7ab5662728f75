#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/run.hpp"

#include <array>

namespace longshore::cli {

namespace {

constexpr Option k_config{"config", "FILE", "YAML file with the configuration. Default: LONGSHORE_CONFIG, else none."};
constexpr Option k_json{"json", "", "Print JSON."};

int up(const Call& call, Surroundings& surroundings) {
    return run_role(call, surroundings, app::Role::up, surroundings.actions.up);
}

int mirror(const Call& call, Surroundings& surroundings) {
    return run_role(call, surroundings, app::Role::mirror, surroundings.actions.mirror);
}

int version(const Call& call, Surroundings& surroundings) {
    if (call.has("json")) {
        surroundings.out << R"({"name":"longshore","version":")" LONGSHORE_VERSION "\"}\n";
    } else {
        surroundings.out << "longshore " LONGSHORE_VERSION "\n";
    }
    return k_done;
}

int config_reference(const Call& /*call*/, Surroundings& surroundings) {
    surroundings.out << app::reference_page();
    return k_done;
}

int healthcheck(const Call& call, Surroundings& surroundings) {
    if (call.has("url")) return surroundings.actions.healthcheck({call.value("url")});
    return surroundings.actions.healthcheck(healthcheck_urls(surroundings.environment));
}

int mirror_stats(const Call& call, Surroundings& surroundings) { return ask_stats(call, surroundings); }

int help(const Call& call, Surroundings& surroundings) {
    std::string name;
    for (const auto& word : call.operands) name.append(name.empty() ? "" : " ").append(word);
    if (name.empty()) {
        surroundings.out << overview();
        return k_done;
    }
    const auto* command = find_command(name);
    if (command == nullptr) return unknown_command(name, surroundings);
    surroundings.out << manual(*command);
    return k_done;
}

const std::array k_commands{
    Command{.name = "up",
            .synopsis = "[--data-dir DIR] [--config FILE] [OPTIONS]",
            .summary = "Run everything on this machine",
            .text = "Runs all roles in one process with defaults that work at once: the mirror on 127.0.0.1:5000, "
                    "its health and metrics on 127.0.0.1:8090.\n"
                    "Ends on SIGTERM after the requests under way, at most --grace-period; a second signal ends at "
                    "once. SIGHUP reads the configuration again.",
            .examples = "longshore up\nlongshore up --data-dir /srv/longshore\nlongshore up --config longshore.yaml",
            .options = {k_config},
            .role = app::Role::up,
            .run = up},
    Command{.name = "mirror",
            .synopsis = "[--listen ADDRESS] [--data-dir DIR]\n"
                        "[--admin-listen ADDRESS] [--base-domain DOMAIN]\n"
                        "[--upstream NAME=URL]... [--config FILE] [OPTIONS]",
            .summary = "Run the registry mirror alone",
            .text = "Serves images pulled through it: fetched once, verified, kept. Without --listen it is on "
                    "127.0.0.1:5000, with health and metrics on 127.0.0.1:8091; naming any listener turns off the "
                    "default ones not named.\n"
                    "Ends on SIGTERM after the requests under way, at most --grace-period; a second signal ends at "
                    "once. SIGHUP reads the configuration again.",
            .examples = "longshore mirror --listen 0.0.0.0:5000 --data-dir /srv/mirror\n"
                        "longshore mirror --upstream docker=http://127.0.0.1:5600\n"
                        "docker pull 127.0.0.1:5000/library/alpine",
            .options = {k_config},
            .role = app::Role::mirror,
            .run = mirror},
    Command{.name = "mirror stats",
            .synopsis = "[--data-dir DIR] [--json]",
            .summary = "Show what a running mirror served and fetched",
            .text = "Hits, misses, bytes served and fetched and upstream requests for each registry, asked from the "
                    "process that runs on the data directory.",
            .examples = "longshore mirror stats --data-dir /srv/mirror",
            .options = {{"data-dir", "DIR", "Data directory of the running mirror. Default: as for `mirror`."}, k_json},
            .run = mirror_stats},
    Command{.name = "config check",
            .synopsis = "FILE",
            .summary = "Say what is wrong with a configuration file",
            .text = "Reads the file as a start would and prints every mistake with its place and a fix; status 1 when "
                    "there is one. Flags and environment are left out.",
            .examples = "longshore config check longshore.yaml",
            .options = {},
            .operands = Operands::one,
            .run = check_file},
    Command{.name = "config reference",
            .synopsis = "",
            .summary = "Print the reference of all settings as Markdown",
            .text = "Every key with its flag, environment variable, meaning, default and bounds.",
            .examples = "longshore config reference | less",
            .options = {},
            .run = config_reference},
    Command{.name = "healthcheck",
            .synopsis = "[--url URL]",
            .summary = "Ask a running longshore whether it is well",
            .text = "Status 0 when it answers 200, else 1. For container images without a shell:\n"
                    "HEALTHCHECK CMD [\"longshore\", \"healthcheck\"]",
            .examples = "longshore healthcheck\nlongshore healthcheck --url http://127.0.0.1:8091/ready",
            .options = {{"url", "URL",
                         "What to ask. Default: /healthcheck at LONGSHORE_ADMIN_LISTEN, else at 127.0.0.1:8090 and "
                         "then 127.0.0.1:8091."}},
            .run = healthcheck},
    Command{.name = "version",
            .synopsis = "[--json]",
            .summary = "Print the version",
            .text = "Prints the name and version of this program.",
            .examples = "",
            .options = {k_json},
            .run = version},
    Command{.name = "help",
            .synopsis = "[COMMAND]",
            .summary = "Print help on a command",
            .text = "Without COMMAND, lists the commands.",
            .examples = "longshore help mirror\nlongshore help config check",
            .options = {},
            .operands = Operands::any,
            .run = help},
};

}  // namespace

std::span<const Command> commands() { return k_commands; }

}  // namespace longshore::cli

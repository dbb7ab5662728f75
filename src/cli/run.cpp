#include "cli/run.hpp"

#include "cli/arguments.hpp"
#include "cli/help.hpp"
#include "config/describe.hpp"
#include "net/listener.hpp"

#include <algorithm>

namespace longshore::cli {

namespace {

std::string variable(std::span<const config::Variable> environment, std::string_view name) {
    const auto found = std::ranges::find(environment, name, &config::Variable::name);
    return found == environment.end() ? std::string{} : found->value;
}

int print_mistakes(const std::vector<config::Mistake>& mistakes, Surroundings& surroundings, int status) {
    for (const auto& mistake : mistakes) surroundings.err << config::to_string(mistake) << "\n";
    return status;
}

struct Chosen {
    const Command* command = nullptr;
    std::size_t words = 0;
};

// The command of the most words that the arguments begin with.
Chosen choose(std::span<const std::string> arguments) {
    std::string name;
    Chosen chosen;
    for (std::size_t i = 0; i < std::min<std::size_t>(arguments.size(), 2); ++i) {
        name.append(i == 0 ? "" : " ").append(arguments[i]);
        if (const auto* command = find_command(name)) chosen = {command, i + 1};
    }
    return chosen;
}

// `-h`, `--version` and their like, as the commands they mean.
std::string as_command(const std::string& word) {
    if (word == "-h" || word == "--help") return "help";
    if (word == "-V" || word == "--version") return "version";
    return word;
}

int run_command(const Command& command, std::span<const std::string> words, Surroundings& surroundings) {
    app::Config defaults;
    config::Schema schema;
    std::vector<config::Setting> settings;
    if (command.role) {
        schema = config::schema_of(defaults);
        settings = config::settings(schema);
    }
    const auto arguments = parse_arguments(command, settings, words);
    if (arguments.wants_help) {
        surroundings.out << manual(command);
        return k_done;
    }
    if (arguments.problems.empty()) return command.run(arguments.call, surroundings);
    for (const auto& problem : arguments.problems)
        surroundings.err << "longshore " << command.name << ": " << problem << "\n";
    surroundings.err << "Run `longshore " << command.name << " --help` for what it takes.\n";
    return k_misused;
}

}  // namespace

const Command* find_command(std::string_view name) {
    const auto all = commands();
    const auto found = std::ranges::find(all, name, &Command::name);
    return found == all.end() ? nullptr : &*found;
}

int unknown_command(const std::string& name, Surroundings& surroundings) {
    std::vector<std::string> known;
    for (const auto& command : commands()) known.emplace_back(command.name);
    const auto hint = config::did_you_mean(name, known, "run `longshore help` for the list");
    surroundings.err << "longshore: unknown command " << config::quoted(name) << "; " << hint << "\n";
    return k_misused;
}

int run(std::span<const std::string> arguments, Surroundings& surroundings) {
    if (arguments.empty()) {
        surroundings.err << overview();
        return k_misused;
    }
    std::vector<std::string> words{arguments.begin(), arguments.end()};
    words.front() = as_command(words.front());
    const auto [command, used] = choose(words);
    if (command != nullptr) return run_command(*command, std::span{words}.subspan(used), surroundings);
    std::string name = words.front();
    const bool is_group =
        std::ranges::any_of(commands(), [&](const auto& c) { return c.name.starts_with(name + " "); });
    if (is_group && words.size() > 1) name.append(" ").append(words[1]);
    return unknown_command(name, surroundings);
}

int run_role(const Call& call, Surroundings& surroundings, app::Role role,
             const std::function<int(app::Start)>& action) {
    const config::Sources sources{call.value("config", variable(surroundings.environment, "LONGSHORE_CONFIG")),
                                  surroundings.environment, call.settings};
    const auto account = surroundings.account;
    auto& files = surroundings.files;
    std::function reload = [sources, account, role, &files] { return app::load(files, sources, role, account); };
    auto loaded = reload();
    if (!loaded.ok()) return print_mistakes(loaded.mistakes, surroundings, k_misused);
    return action({std::move(loaded.value), std::move(reload)});
}

int check_file(const Call& call, Surroundings& surroundings) {
    const auto& file = call.operands.front();
    auto loaded = config::load<app::Config>(surroundings.files, {file, {}, {}});
    for (auto& mistake : app::check_files(surroundings.files, loaded.value)) {
        loaded.mistakes.push_back(std::move(mistake));
    }
    if (!loaded.ok()) return print_mistakes(loaded.mistakes, surroundings, k_failed);
    surroundings.out << file << ": no mistakes\n";
    return k_done;
}

int ask_stats(const Call& call, Surroundings& surroundings) {
    const auto guessed = app::default_data_dir(surroundings.environment, surroundings.account);
    const auto named = variable(surroundings.environment, "LONGSHORE_DATA_DIR");
    const auto data_dir = call.value("data-dir", named.empty() ? guessed : named);
    if (data_dir.empty()) {
        surroundings.err << "longshore mirror stats: the data directory cannot be guessed; give --data-dir DIR\n";
        return k_misused;
    }
    return surroundings.actions.mirror_stats({data_dir, call.has("json") ? app::Form::json : app::Form::text});
}

std::vector<std::string> healthcheck_urls(std::span<const config::Variable> environment) {
    auto address = net::ListenAddress::parse(variable(environment, "LONGSHORE_ADMIN_LISTEN"));
    if (!address || !address->path.empty()) {
        return {"http://127.0.0.1:8090/healthcheck", "http://127.0.0.1:8091/healthcheck"};
    }
    if (address->host == "::" || address->host == "0.0.0.0") address->host = "127.0.0.1";
    return {"http://" + address->to_string() + "/healthcheck"};
}

}  // namespace longshore::cli

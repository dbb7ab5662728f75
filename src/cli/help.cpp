#include "cli/help.hpp"

#include "config/describe.hpp"
#include "config/manual.hpp"

namespace longshore::cli {

namespace {

constexpr std::string_view k_sources =
    "Every option is also a key of the file and a variable LONGSHORE_...; `longshore config reference` lists them. "
    "Flags win over the environment, the environment over the file.";

template <class Use>
void each_line(std::string_view text, Use use) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        use(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

std::string usage(const Command& command) {
    const auto name = "  longshore " + std::string{command.name};
    if (command.synopsis.empty()) return "Usage:\n" + name + "\n";
    std::string out = "Usage:\n";
    std::string margin = name;
    each_line(command.synopsis, [&](std::string_view line) {
        out.append(margin).append(" ").append(line).append("\n");
        margin.assign(name.size(), ' ');
    });
    return out;
}

std::string own_options(const Command& command) {
    std::string out = "\nOptions:\n";
    for (const auto& option : command.options) {
        out.append(config::flag_help("--" + std::string{option.name}, option.placeholder, option.doc));
    }
    return out.append(config::flag_help("-h, --help", {}, "Print this text."));
}

}  // namespace

std::string overview() {
    std::string out =
        "longshore is a registry mirror: images come from upstream once, then from here.\n\n"
        "Usage:\n  longshore COMMAND [OPTIONS]\n\nCommands:\n";
    std::size_t width = 0;
    for (const auto& command : commands()) width = std::max(width, command.name.size());
    for (const auto& command : commands()) {
        out.append("  ").append(command.name).append(width + 2 - command.name.size(), ' ');
        out.append(command.summary).append("\n");
    }
    return out.append("\nRun `longshore COMMAND --help` for what a command takes.\n");
}

std::string manual(const Command& command) {
    std::string out = usage(command).append("\n");
    each_line(command.text, [&](std::string_view paragraph) { out.append(config::wrapped(paragraph, 0)); });
    if (!command.examples.empty()) out.append("\nExamples:\n");
    each_line(command.examples, [&](std::string_view line) { out.append("  ").append(line).append("\n"); });
    out.append(own_options(command));
    if (!command.role) return out;
    app::Config defaults;
    auto schema = config::schema_of(defaults);
    return out.append(config::flags_help(schema)).append("\n").append(config::wrapped(k_sources, 0));
}

}  // namespace longshore::cli

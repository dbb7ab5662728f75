#include "cli/arguments.hpp"

#include "config/mistake.hpp"

#include <algorithm>

namespace longshore::cli {

namespace {

class Parser {
public:
    Parser(const Command& command, std::span<const config::Setting> settings, std::span<const std::string> words)
        : command_(command), settings_(settings), words_(words) {}

    Arguments parse() {
        bool flags_ended = false;
        while (!words_.empty()) {
            const auto word = take();
            if (flags_ended || !word.starts_with('-') || word == "-") {
                out_.call.operands.push_back(word);
            } else if (word == "--") {
                flags_ended = true;
            } else if (word == "-h" || word == "--help") {
                out_.wants_help = true;
            } else {
                flag(word);
            }
        }
        count_operands();
        return std::move(out_);
    }

private:
    std::string take() {
        std::string word = words_.front();
        words_ = words_.subspan(1);
        return word;
    }

    void flag(const std::string& word) {
        const auto equals = word.find('=');
        const auto name =
            word.starts_with("--") ? word.substr(2, equals == std::string::npos ? equals : equals - 2) : std::string{};
        const auto inline_value = equals == std::string::npos ? std::optional<std::string>{} : word.substr(equals + 1);
        const auto option = std::ranges::find(command_.options, name, &Option::name);
        const auto setting = std::ranges::find(settings_, name, &config::Setting::flag);
        if (!name.empty() && option != command_.options.end()) {
            own(*option, inline_value);
        } else if (!name.empty() && setting != settings_.end()) {
            const bool is_switch = config::placeholder_of(*setting->field).empty();
            if (auto text = value(name, is_switch, inline_value))
                out_.call.settings.push_back({name, std::move(*text)});
        } else {
            unknown(word.substr(0, equals));
        }
    }

    void own(const Option& option, const std::optional<std::string>& inline_value) {
        const std::string name{option.name};
        const bool is_switch = option.placeholder.empty();
        if (is_switch && inline_value) return problem("--" + name + " takes no value");
        auto text = value(name, is_switch, inline_value);
        if (!text) return;
        if (!out_.call.options.emplace(name, std::move(*text)).second) problem("--" + name + " is given twice");
    }

    // A flag's value: after "=", for others than switches also the next word.
    std::optional<std::string> value(const std::string& name, bool is_switch,
                                     const std::optional<std::string>& inline_value) {
        if (inline_value) return inline_value;
        if (is_switch) return "true";
        if (!words_.empty() && !words_.front().starts_with("--")) return take();
        problem("--" + name + " needs a value");
        return std::nullopt;
    }

    void unknown(const std::string& word) {
        std::vector<std::string> known{"--help"};
        for (const auto& option : command_.options) known.push_back("--" + std::string{option.name});
        for (const auto& setting : settings_) {
            if (!setting.flag.empty()) known.push_back("--" + setting.flag);
        }
        const auto hint = config::did_you_mean(word, known, {});
        problem("unknown flag " + config::quoted(word) + (hint.empty() ? "" : "; " + hint));
    }

    void count_operands() {
        const auto& operands = out_.call.operands;
        if (out_.wants_help || command_.operands == Operands::any) return;
        const std::size_t wanted = command_.operands == Operands::one ? 1 : 0;
        for (std::size_t i = wanted; i < operands.size(); ++i)
            problem("unexpected argument " + config::quoted(operands[i]));
        if (operands.size() < wanted) problem("an argument is missing: " + std::string{command_.synopsis});
    }

    void problem(std::string text) { out_.problems.push_back(std::move(text)); }

    const Command& command_;
    std::span<const config::Setting> settings_;
    std::span<const std::string> words_;
    Arguments out_;
};

}  // namespace

Arguments parse_arguments(const Command& command, std::span<const config::Setting> settings,
                          std::span<const std::string> words) {
    return Parser{command, settings, words}.parse();
}

}  // namespace longshore::cli

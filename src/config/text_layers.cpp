#include "config/layers.hpp"

#include <algorithm>
#include <array>
#include <ranges>

namespace longshore::config {

namespace {

constexpr std::string_view k_prefix = "LONGSHORE_";
// Read by the client commands and by the command line itself.
constexpr std::array<std::string_view, 4> k_reserved{"LONGSHORE_API", "LONGSHORE_API_TOKEN", "LONGSHORE_API_TOKEN_FILE",
                                                     "LONGSHORE_CONFIG"};

struct KeyValue {
    std::string key;
    std::string value;
};

std::optional<KeyValue> split_once(std::string_view text, char separator) {
    const auto at = text.find(separator);
    if (at == std::string_view::npos || at == 0) return std::nullopt;
    return KeyValue{std::string{text.substr(0, at)}, std::string{text.substr(at + 1)}};
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(separators), text.size());
        if (end != 0) parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

class TextSetter {
public:
    TextSetter(const Setting& setting, const Origin& origin, Mistakes& mistakes)
        : setting_(setting), origin_(origin), mistakes_(mistakes) {}

    void set(std::span<const std::string> texts) {
        mistakes_.remember(setting_.path, origin_);
        std::visit([&](auto& shape) { set(shape, texts); }, setting_.field->shape);
    }

private:
    void complain(const std::string& path, std::string text, std::string fix) {
        mistakes_.add({path, origin_, std::move(text), std::move(fix)});
    }
    void report(const Field& field, const std::string& path, std::string_view text, const Verdict& verdict) {
        if (verdict) complain(path, complaint(field, text, *verdict), verdict->fix);
    }

    void set(Scalar& /*scalar*/, std::span<const std::string> texts) {
        if (texts.size() > 1)
            complain(setting_.path, "this was given " + std::to_string(texts.size()) + " times", "give it once");
        report(*setting_.field, setting_.path, texts.back(), set_text(*setting_.field, texts.back()));
    }

    void set(List& list, std::span<const std::string> texts) {
        list.clear();
        for (const auto& text : texts) {
            const auto& check = setting_.field->validator;
            report(*setting_.field, setting_.path, text, check ? check(text) : Verdict{});
            list.append(text);
        }
    }

    void set(Group& /*group*/, std::span<const std::string> /*texts*/) {}  // a group has no text of its own

    void set(Each& each, std::span<const std::string> texts) {
        each.clear();
        for (const auto& text : texts) {
            const auto path = setting_.path + "[" + std::to_string(each.size()) + "]";
            auto schema = each.append();
            mistakes_.remember(path, origin_);
            for (const auto& part : split(text, ",")) set_key(schema, part, path);
        }
    }

    void set_key(Schema& schema, const std::string& text, const std::string& path) {
        const auto pair = split_once(text, '=');
        if (!pair)
            return complain(path, quoted(text) + " is not KEY=VALUE", "write " + placeholder_of(*setting_.field));
        set_field(schema, pair->key, pair->value, path);
    }

    void set(Named& named, std::span<const std::string> texts) {
        for (const auto& text : texts) set_named(named, text);
    }

    void set_named(Named& named, const std::string& text) {
        const auto pair = split_once(text, '=');
        const auto dotted = pair ? split_once(pair->key, '.') : std::nullopt;
        const auto key = dotted ? dotted->value : named.principal;
        if (!pair || key.empty()) {
            const auto form = placeholder_of(*setting_.field);
            return complain(setting_.path, quoted(text) + " is not " + form, "write " + form);
        }
        const auto& name = dotted ? dotted->key : pair->key;
        const auto path = join_path(setting_.path, name);
        const auto& check = setting_.field->validator;
        if (const auto verdict = check ? check(name) : Verdict{}) {
            return complain(path, complaint(*setting_.field, name, *verdict), verdict->fix);
        }
        auto schema = named.at(name);
        mistakes_.remember(path, origin_);
        set_field(schema, key, pair->value, path);
    }

    // Scalars only: deeper things are for the file.
    void set_field(Schema& schema, const std::string& key, const std::string& value, const std::string& path) {
        std::vector<std::string> known;
        for (const auto& field : schema.fields) {
            if (std::holds_alternative<Scalar>(field.shape)) known.push_back(field.name);
        }
        const auto inner = join_path(path, key);
        if (std::ranges::find(known, key) == known.end()) {
            std::string all;
            for (const auto& name : known) all.append(all.empty() ? "known: " : ", ").append(name);
            return complain(inner, "unknown key", did_you_mean(key, known, all));
        }
        auto& field = *std::ranges::find(schema.fields, key, &Field::name);
        mistakes_.remember(inner, origin_);
        report(field, inner, value, set_text(field, value));
    }

    const Setting& setting_;
    const Origin& origin_;
    Mistakes& mistakes_;
};

// What Docker links and Kubernetes make for a service whose name begins with "longshore".
bool is_from_orchestrator(std::string_view name) {
    if (name.ends_with("_SERVICE_HOST") || name.ends_with("_PORT")) return true;
    if (name.contains("_SERVICE_PORT")) return true;
    const auto port = name.find("_PORT_");
    if (port == std::string_view::npos) return false;
    const auto after = name.substr(port + 6);
    const auto digits = after.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos) return false;
    return after.substr(digits).starts_with("_TCP") || after.substr(digits).starts_with("_UDP");
}

void refuse_unknown(const std::string& name, const std::vector<Section>& all, Mistakes& mistakes) {
    std::vector<std::string> known;
    bool in_group = false;
    for (const auto& section : all) {
        for (const auto& setting : section.settings) known.push_back(setting.environment);
        if (section.group == nullptr || section.settings.empty()) continue;
        const auto& first = section.settings.front();
        const auto prefix =
            std::string_view{first.environment}.substr(0, first.environment.size() - first.field->name.size());
        in_group = in_group || name.starts_with(prefix);
    }
    const auto near = nearest(name.substr(k_prefix.size()), [&] {
        std::vector<std::string> tails;
        for (const auto& full : known) tails.push_back(full.substr(k_prefix.size()));
        return tails;
    }());
    if (near.empty() && !in_group) return;
    mistakes.add({{},
                  {name},
                  "unknown variable",
                  near.empty() ? "remove it, or see `longshore config reference`"
                               : "did you mean `" + std::string{k_prefix} + near + "`?"});
}

}  // namespace

void apply_texts(const Setting& setting, std::span<const std::string> texts, const Origin& origin, Mistakes& mistakes) {
    if (!texts.empty()) TextSetter{setting, origin, mistakes}.set(texts);
}

void apply_environment(Schema& schema, std::span<const Variable> environment, Mistakes& mistakes) {
    const auto all = sections(schema);
    for (const auto& variable : environment) {
        if (!variable.name.starts_with(k_prefix) || variable.value.empty()) continue;
        const Setting* found = nullptr;
        for (const auto& section : all) {
            const auto here = std::ranges::find(section.settings, variable.name, &Setting::environment);
            if (here != section.settings.end()) found = &*here;
        }
        if (found != nullptr) {
            const bool single = std::holds_alternative<Scalar>(found->field->shape);
            const auto texts = single ? std::vector{variable.value} : split(variable.value, " \t\n");
            apply_texts(*found, texts, {variable.name}, mistakes);
        } else if (std::ranges::find(k_reserved, variable.name) == k_reserved.end() &&
                   !is_from_orchestrator(variable.name)) {
            refuse_unknown(variable.name, all, mistakes);
        }
    }
}

void apply_flags(Schema& schema, std::span<const FlagValue> flags, Mistakes& mistakes) {
    for (const auto& setting : settings(schema)) {
        if (setting.flag.empty()) continue;
        std::vector<std::string> texts;
        for (const auto& flag : flags) {
            if (flag.name == setting.flag) texts.push_back(flag.value);
        }
        apply_texts(setting, texts, {"--" + setting.flag}, mistakes);
    }
}

}  // namespace longshore::config

#include "config/manual.hpp"

#include <algorithm>
#include <utility>

namespace longshore::config {

namespace {

constexpr std::size_t k_doc_indent = 6;

std::string sentence_with_default(const Field& field) {
    std::string text = field.doc;
    if (const auto* scalar = std::get_if<Scalar>(&field.shape); scalar != nullptr && !scalar->is_switch) {
        if (!scalar->allowed.empty()) text.append(" Allowed: ").append(scalar->allowed).append(".");
    } else if (scalar == nullptr) {
        text.append(" May be repeated.");
    }
    return text.append(" Default: ").append(default_of(field)).append(".");
}

// "--log-access[=false]"
std::string spelled(const Setting& setting) {
    const auto* scalar = std::get_if<Scalar>(&setting.field->shape);
    const bool is_on = scalar != nullptr && scalar->is_switch && scalar->text() == "true";
    return "--" + setting.flag + (is_on ? "[=false]" : "");
}

std::string help_of(const Setting& setting) {
    const auto& field = *setting.field;
    const auto text = sentence_with_default(field);
    if (!setting.flag.empty()) return flag_help(spelled(setting), placeholder_of(field), text);
    return flag_help(setting.environment, {}, field.doc + " A secret: by this variable or the file, never by a flag.");
}

// Inside a table cell.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) out.append(c == '|' ? "\\|" : std::string{c});
    return out;
}

std::string code(std::string_view text) { return "`" + cell(text) + "`"; }

std::string kind_of(const Field& field) {
    struct Namer {
        std::string operator()(const Scalar& scalar) const {
            std::string type = scalar.is_switch || scalar.type == "WORD" ? "" : scalar.type;
            std::ranges::transform(type, type.begin(), [](char c) { return static_cast<char>(c | 0x20); });
            if (scalar.allowed.empty()) return type;
            return type.empty() ? scalar.allowed : type + ", " + scalar.allowed;
        }
        std::string operator()(const List& /*list*/) const { return "list"; }
        std::string operator()(const Group& /*group*/) const { return "group"; }
        std::string operator()(const Each& /*each*/) const { return "list of maps"; }
        std::string operator()(const Named& /*named*/) const { return "map of names to maps"; }
    };
    return std::visit(Namer{}, field.shape);
}

std::string names_of(const Setting& setting) {
    std::string out = code(setting.field->name);
    if (!setting.flag.empty()) {
        const auto placeholder = placeholder_of(*setting.field);
        out.append("<br>").append(code(spelled(setting) + (placeholder.empty() ? "" : " " + placeholder)));
    }
    return out.append("<br>").append(code(setting.environment));
}

std::string row(const std::string& names, const Field& field) {
    const auto shown = default_of(field);
    const bool is_text = field.shown_default || shown == "none";
    return "| " + names + " | " + cell(field.doc) + " | " + cell(kind_of(field)) + " | " +
           (is_text ? cell(shown) : code(shown)) + " | " +
           (field.reload == Reload::live ? "on SIGHUP" : "at a restart") + " |\n";
}

constexpr std::string_view k_table_head = "| name | meaning | value | default | taken over |\n|---|---|---|---|---|\n";

// The fields inside a list or map of structs.
std::string inner_table(const Setting& setting) {
    const auto* each = std::get_if<Each>(&setting.field->shape);
    const auto* named = std::get_if<Named>(&setting.field->shape);
    if (each == nullptr && named == nullptr) return {};
    const auto specimen = each != nullptr ? each->specimen() : named->specimen();
    std::string out =
        "\nEach " + std::string{each != nullptr ? "item" : "name"} + " of `" + setting.path + "` has:\n\n";
    out.append("| key | meaning | value | default |\n|---|---|---|---|\n");
    for (const auto& field : specimen.schema.fields) {
        const auto shown = default_of(field);
        out.append("| " + code(field.name) + " | " + cell(field.doc) + " | " + cell(kind_of(field)) + " | " +
                   (shown == "none" ? shown : code(shown)) + " |\n");
    }
    return out;
}

std::string markdown_of(const Section& section) {
    std::string out = "\n## " + (section.group == nullptr ? std::string{"Top level"}
                                                          : section.group->doc + ": `" + section.path + "`");
    out.append("\n\n").append(k_table_head);
    for (const auto& setting : section.settings) out.append(row(names_of(setting), *setting.field));
    for (const auto& setting : section.settings) out.append(inner_table(setting));
    return out;
}

}  // namespace

std::string wrapped(std::string_view text, std::size_t indent) {
    const std::string margin(indent, ' ');
    std::string out;
    std::string line;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.empty() && indent + line.size() + 1 + word.size() > k_help_columns) {
            out.append(margin).append(std::exchange(line, {})).append("\n");
        }
        line.append(line.empty() ? "" : " ").append(word);
    }
    return line.empty() ? out : out.append(margin).append(line).append("\n");
}

std::string flag_help(std::string_view flag, std::string_view placeholder, std::string_view doc) {
    std::string out{"  "};
    out.append(flag);
    if (!placeholder.empty()) out.append(" ").append(placeholder);
    return out.append("\n").append(wrapped(doc, k_doc_indent));
}

std::string flags_help(Schema& schema) {
    std::string out;
    for (const auto& section : sections(schema)) {
        out.append("\n").append(section.group == nullptr ? "General" : section.group->doc).append(":\n");
        for (const auto& setting : section.settings) out.append(help_of(setting));
    }
    return out;
}

std::string reference(Schema& schema, std::string_view introduction) {
    std::string out{introduction};
    for (const auto& section : sections(schema)) out.append(markdown_of(section));
    return out;
}

}  // namespace longshore::config

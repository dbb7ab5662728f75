#include "config/schema.hpp"

#include <algorithm>
#include <cctype>

namespace longshore::config {

namespace {

enum class Secrets : std::uint8_t { hide, show };

std::string with_dashes(std::string_view path) {
    std::string flag{path};
    std::ranges::replace(flag, '.', '-');
    std::ranges::replace(flag, '_', '-');
    return flag;
}

std::string environment_name(std::string_view path) {
    std::string name{"LONGSHORE_"};
    for (const char c : path)
        name.push_back(c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
    return name;
}

Setting setting_of(Field& field, std::string_view path, std::string_view flag_base) {
    Setting setting{join_path(path, field.name), {}, {}, &field};
    setting.environment = environment_name(setting.path);
    if (field.is_secret) return setting;
    setting.flag = with_dashes(join_path(flag_base, field.flag.empty() ? std::string_view{field.name} : field.flag));
    return setting;
}

struct Walk {
    std::vector<Section> out;

    void section(Schema& schema, const Field* group, const std::string& path, const std::string& flag_base) {
        Section section{path, group, {}};
        for (auto& field : schema.fields) {
            if (!std::holds_alternative<Group>(field.shape))
                section.settings.push_back(setting_of(field, path, flag_base));
        }
        if (!section.settings.empty()) out.push_back(std::move(section));
        for (auto& field : schema.fields) {
            auto* inner = std::get_if<Group>(&field.shape);
            if (inner == nullptr) continue;
            const auto inner_flags = inner->plain_flags ? flag_base : join_path(flag_base, field.name);
            this->section(inner->schema, &field, join_path(path, field.name), inner_flags);
        }
    }
};

std::string joined(const std::vector<std::string>& parts, std::string_view open, std::string_view close) {
    std::string out{open};
    for (const auto& part : parts) {
        if (out.size() > open.size()) out.append(", ");
        out.append(part);
    }
    return out.append(close);
}

std::string print(const Field& field, Secrets secrets);

std::string print(const Schema& schema, Secrets secrets) {
    std::vector<std::string> parts;
    for (const auto& field : schema.fields) parts.push_back(field.name + ": " + print(field, secrets));
    return joined(parts, "{", "}");
}

struct Printer {
    Secrets secrets;

    std::string operator()(const Scalar& scalar) const { return scalar.text(); }
    std::string operator()(const List& list) const { return joined(list.items(), "[", "]"); }
    std::string operator()(const Group& group) const { return print(group.schema, secrets); }
    std::string operator()(const Each& each) const {
        std::vector<std::string> parts;
        for (std::size_t i = 0; i < each.size(); ++i) parts.push_back(print(each.at(i), secrets));
        return joined(parts, "[", "]");
    }
    std::string operator()(const Named& named) const {
        std::vector<std::string> parts;
        for (const auto& name : named.names()) parts.push_back(name + ": " + print(named.at(name), secrets));
        return joined(parts, "{", "}");
    }
};

std::string print(const Field& field, Secrets secrets) {
    if (field.is_secret && secrets == Secrets::hide) return "(secret)";
    return std::visit(Printer{secrets}, field.shape);
}

void check_under(Schema& schema, const std::string& path, Mistakes& mistakes);

struct CheckInside {
    const std::string& path;
    Mistakes& mistakes;

    void operator()(Scalar& /*scalar*/) const {}
    void operator()(List& /*list*/) const {}
    void operator()(Group& group) const { check_under(group.schema, path, mistakes); }
    void operator()(Each& each) const {
        for (std::size_t i = 0; i < each.size(); ++i) {
            auto schema = each.at(i);
            check_under(schema, path + "[" + std::to_string(i) + "]", mistakes);
        }
    }
    void operator()(Named& named) const {
        for (const auto& name : named.names()) {
            auto schema = named.at(name);
            check_under(schema, join_path(path, name), mistakes);
        }
    }
};

void check_under(Schema& schema, const std::string& path, Mistakes& mistakes) {
    for (auto& field : schema.fields) {
        const auto inner = join_path(path, field.name);
        std::visit(CheckInside{inner, mistakes}, field.shape);
    }
    if (!schema.check) return;
    mistakes.enter(path);
    schema.check(mistakes);
}

}  // namespace

Field& Field::live() {
    reload = Reload::live;
    return *this;
}

Field& Field::secret() {
    is_secret = true;
    return *this;
}

Field& Field::flag_name(std::string_view words) {
    flag = words;
    return *this;
}

Field& Field::shown_as(std::string_view words) {
    placeholder = words;
    return *this;
}

Field& Field::default_as(std::string_view words) {
    shown_default = words;
    return *this;
}

Field& Field::checked_by(Validator check) {
    validator = std::move(check);
    return *this;
}

Field& Field::plain_flags() {
    std::get<Group>(shape).plain_flags = true;
    return *this;
}

Field& Field::principal(std::string_view key) {
    std::get<Named>(shape).principal = key;
    return *this;
}

std::vector<Section> sections(Schema& schema) {
    Walk walk;
    walk.section(schema, nullptr, {}, {});
    return std::move(walk.out);
}

std::vector<Setting> settings(Schema& schema) {
    std::vector<Setting> all;
    for (auto& section : sections(schema)) {
        for (auto& setting : section.settings) all.push_back(std::move(setting));
    }
    return all;
}

std::string placeholder_of(const Field& field) {
    if (!field.placeholder.empty()) return field.placeholder;
    const auto* scalar = std::get_if<Scalar>(&field.shape);
    if (scalar != nullptr) return scalar->is_switch ? std::string{} : scalar->type;
    if (std::holds_alternative<Each>(field.shape)) return "KEY=VALUE,...";
    const auto* named = std::get_if<Named>(&field.shape);
    if (named == nullptr) return "TEXT";
    return named->principal.empty() ? "NAME.KEY=VALUE" : "NAME=VALUE";
}

std::string text_of(const Field& field) { return print(field, Secrets::hide); }

std::string exact_text_of(const Field& field) { return print(field, Secrets::show); }

std::string default_of(const Field& field) {
    if (field.shown_default) return *field.shown_default;
    const auto text = text_of(field);
    return text.empty() || text == "[]" || text == "{}" ? "none" : text;
}

Verdict set_text(Field& field, std::string_view text) {
    if (field.validator) {
        if (auto fault = field.validator(text)) return fault;
    }
    return std::get<Scalar>(field.shape).set(text);
}

std::string complaint(const Field& field, std::string_view value, const Fault& fault) {
    return (field.is_secret ? "the value" : quoted(value)) + " " + fault.text;
}

void run_checks(Schema& schema, Mistakes& mistakes) { check_under(schema, {}, mistakes); }

}  // namespace longshore::config

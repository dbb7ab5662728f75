#include "config/layers.hpp"

#include <algorithm>
#include <map>

namespace longshore::config {

namespace {

std::vector<std::string> names_of(const Schema& schema) {
    std::vector<std::string> names;
    for (const auto& field : schema.fields) names.push_back(field.name);
    return names;
}

std::string spelled(Node::Kind kind) {
    switch (kind) {
        case Node::Kind::null:
            return "has no value";
        case Node::Kind::scalar:
            return "is a single value";
        case Node::Kind::sequence:
            return "is a list";
        default:
            return "is a map";
    }
}

class DocumentLayer {
public:
    DocumentLayer(Schema& root, Mistakes& mistakes) : root_(root), mistakes_(mistakes) {}

    void fields(Schema& schema, const Node& node, const std::string& path) {
        each_key(node, path, [&](const Node::Key& key, const Node& item, const std::string& inner) {
            const auto field = std::ranges::find(schema.fields, key.text, &Field::name);
            if (field == schema.fields.end()) return unknown(schema, key, inner);
            mistakes_.remember(inner, item.origin);
            value(*field, item, inner);
        });
    }

private:
    void complain(const std::string& path, const Origin& origin, std::string text, std::string fix) {
        mistakes_.add({path, origin, std::move(text), std::move(fix)});
    }

    // Calls `use` for every key that is not a repetition.
    template <class Use>
    void each_key(const Node& map, const std::string& path, Use use) {
        std::map<std::string_view, const Origin*> seen;
        for (std::size_t i = 0; i < map.items.size(); ++i) {
            const auto& key = map.keys[i];
            const auto inner = join_path(path, key.text);
            const auto [first, is_new] = seen.emplace(key.text, &key.origin);
            if (is_new) {
                use(key, map.items[i], inner);
            } else {
                complain(inner, key.origin, "this key was given in line " + std::to_string(first->second->line),
                         "keep one of them");
            }
        }
    }

    void unknown(const Schema& schema, const Node::Key& key, const std::string& path) {
        const auto known = names_of(schema);
        complain(path, key.origin, "unknown key", did_you_mean(key.text, known, elsewhere(key.text, known)));
    }

    // The whole path when the key exists under another group, else the keys that do exist here.
    [[nodiscard]] std::string elsewhere(std::string_view key, const std::vector<std::string>& known) const {
        for (const auto& setting : settings(root_)) {
            if (setting.field->name == key) return "did you mean `" + setting.path + "`?";
        }
        std::string list;
        for (const auto& name : known) list.append(list.empty() ? "" : ", ").append(name);
        return "known here: " + list;
    }

    void value(Field& field, const Node& node, const std::string& path) {
        if (node.kind == Node::Kind::refused) return;
        std::visit([&](auto& shape) { set(field, shape, node, path); }, field.shape);
    }

    bool is(Node::Kind wanted, const Node& node, const std::string& path, std::string_view fix) {
        if (node.kind == wanted) return true;
        complain(path, node.origin, spelled(node.kind), std::string{fix});
        return false;
    }

    void set(Field& field, Scalar& scalar, const Node& node, const std::string& path) {
        const auto fix = "write a single value" + (scalar.allowed.empty() ? "" : ", " + scalar.allowed);
        if (!is(Node::Kind::scalar, node, path, fix)) return;
        report(field, node, path, set_text(field, node.text));
    }

    void set(Field& field, List& list, const Node& node, const std::string& path) {
        if (!is(Node::Kind::sequence, node, path, "write a list, such as [a, b]")) return;
        list.clear();
        for (const auto& item : node.items) {
            if (item.kind == Node::Kind::refused || !is(Node::Kind::scalar, item, path, "write single values"))
                continue;
            report(field, item, path, field.validator ? field.validator(item.text) : Verdict{});
            list.append(item.text);
        }
    }

    void set(Field& /*field*/, Group& group, const Node& node, const std::string& path) {
        if (node.kind == Node::Kind::null) return;
        if (is(Node::Kind::map, node, path, "write its keys below it, indented")) fields(group.schema, node, path);
    }

    void set(Field& /*field*/, Each& each, const Node& node, const std::string& path) {
        if (!is(Node::Kind::sequence, node, path, "write a list, each item beginning with a dash")) return;
        each.clear();
        for (const auto& item : node.items) {
            const auto inner = path + "[" + std::to_string(each.size()) + "]";
            auto schema = each.append();
            mistakes_.remember(inner, item.origin);
            if (item.kind == Node::Kind::refused || !is(Node::Kind::map, item, inner, keys_of(schema))) continue;
            fields(schema, item, inner);
        }
    }

    void set(Field& field, Named& named, const Node& node, const std::string& path) {
        if (node.kind == Node::Kind::null) return;
        if (!is(Node::Kind::map, node, path, "write names below it, indented")) return;
        each_key(node, path, [&](const Node::Key& key, const Node& item, const std::string& inner) {
            const auto verdict = field.validator ? field.validator(key.text) : Verdict{};
            if (verdict) return complain(inner, key.origin, complaint(field, key.text, *verdict), verdict->fix);
            if (item.kind == Node::Kind::refused) return;
            auto schema = named.at(key.text);
            mistakes_.remember(inner, key.origin);
            if (is(Node::Kind::map, item, inner, keys_of(schema))) fields(schema, item, inner);
        });
    }

    static std::string keys_of(const Schema& schema) {
        std::string list;
        for (const auto& name : names_of(schema)) list.append(list.empty() ? "" : ", ").append(name).append(": …");
        return "write {" + list + "}";
    }

    void report(const Field& field, const Node& node, const std::string& path, const Verdict& verdict) {
        if (verdict) complain(path, node.origin, complaint(field, node.text, *verdict), verdict->fix);
    }

    Schema& root_;
    Mistakes& mistakes_;
};

}  // namespace

void apply_document(Schema& schema, const Node& root, Mistakes& mistakes) {
    if (root.kind == Node::Kind::null || root.kind == Node::Kind::refused) return;
    if (root.kind != Node::Kind::map) {
        mistakes.add({{},
                      root.origin,
                      "the file " + spelled(root.kind),
                      "write keys and values, such as `data_dir: /srv/longshore`"});
        return;
    }
    DocumentLayer{schema, mistakes}.fields(schema, root, {});
}

}  // namespace longshore::config

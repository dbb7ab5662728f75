// One declaration per field.
//
// A module writes its configuration as a plain struct whose initialisers are the defaults, and beside it
//
//     void describe(config::Describer& d, MirrorConfig& c) {
//         d.duration("tag_ttl", c.tag_ttl, {0s, 24h}, "How long a tag is served before upstream is asked.").live();
//         d.named("upstreams", c.upstreams, "Registries by name.").flag_name("upstream").principal("url");
//     }
//     void check(const MirrorConfig& c, config::Mistakes& mistakes);  // optional: what spans several fields
//
// both found by argument-dependent look-up. Everything else is derived (see schema.hpp): the key in the file, the
// flag, the environment variable, --help, the reference page. Docs are sentences; units stand in the value.
#pragma once

#include "config/scalar.hpp"
#include "config/schema.hpp"

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::config {

// One row of an enum's table; the table lives for the whole process.
template <class E>
struct Choice {
    std::string_view name;
    E value;
};

template <class T>
[[nodiscard]] Schema schema_of(T& value);

class Describer {
public:
    explicit Describer(Schema& schema) : schema_(schema) {}

    Field& toggle(std::string_view name, bool& member, std::string_view doc);
    Field& text(std::string_view name, std::string& member, std::string_view doc);
    Field& list(std::string_view name, std::vector<std::string>& member, std::string_view doc);

    template <std::integral T>
    Field& number(std::string_view name, T& member, Range<T> range, std::string_view doc) {
        return add(name, doc, number_shape(member, range));
    }
    template <std::unsigned_integral T>
    Field& size(std::string_view name, T& member, Range<T> range, std::string_view doc) {
        return add(name, doc, size_shape(member, range));
    }
    // Members of whole microseconds or coarser.
    template <class Duration>
    Field& duration(std::string_view name, Duration& member, Range<Duration> range, std::string_view doc) {
        return add(name, doc, duration_shape(member, range));
    }
    template <class E>
    Field& choice(std::string_view name, E& member, std::span<const Choice<E>> table, std::string_view doc) {
        return add(name, doc, choice_shape(member, table));
    }
    // `doc` of a group is its heading: "The mirror".
    template <class T>
    Field& group(std::string_view name, T& member, std::string_view doc) {
        return add(name, doc, Group{schema_of(member)});
    }
    template <class T>
    Field& each(std::string_view name, std::vector<T>& member, std::string_view doc) {
        return add(name, doc, each_shape(member));
    }
    template <class T>
    Field& named(std::string_view name, std::map<std::string, T>& member, std::string_view doc) {
        return add(name, doc, named_shape(member));
    }

private:
    template <class Shape>
    Field& add(std::string_view name, std::string_view doc, Shape shape) {
        return schema_.fields.emplace_back(std::string{name}, std::string{doc}, std::move(shape));
    }

    template <class T>
    static Scalar number_shape(T& member, Range<T> range);
    template <class T>
    static Scalar size_shape(T& member, Range<T> range);
    template <class Duration>
    static Scalar duration_shape(Duration& member, Range<Duration> range);
    template <class E>
    static Scalar choice_shape(E& member, std::span<const Choice<E>> table);
    template <class T>
    static Each each_shape(std::vector<T>& member);
    template <class T>
    static Named named_shape(std::map<std::string, T>& member);

    Schema& schema_;
};

template <class T>
Schema schema_of(T& value) {
    Schema schema;
    Describer describer{schema};
    describe(describer, value);
    if constexpr (requires(const T& checked, Mistakes& mistakes) { check(checked, mistakes); }) {
        schema.check = [&value](Mistakes& mistakes) { check(value, mistakes); };
    }
    return schema;
}

template <class T>
Specimen specimen_of() {
    auto value = std::make_shared<T>();
    auto schema = schema_of(*value);
    return {std::move(value), std::move(schema)};
}

template <class T>
Scalar Describer::number_shape(T& member, Range<T> range) {
    const Range<std::int64_t> wide{static_cast<std::int64_t>(range.min), static_cast<std::int64_t>(range.max)};
    Scalar scalar{"NUMBER", std::to_string(range.min) + " to " + std::to_string(range.max)};
    scalar.set = [&member, wide](std::string_view text) -> Verdict {
        const auto parsed = parse_number(text, wide);
        if (!parsed) return parsed.error();
        member = static_cast<T>(*parsed);
        return {};
    };
    scalar.text = [&member] { return std::to_string(member); };
    return scalar;
}

template <class T>
Scalar Describer::size_shape(T& member, Range<T> range) {
    Scalar scalar{"SIZE", print_size(range.min) + " to " + print_size(range.max)};
    scalar.set = [&member, range](std::string_view text) -> Verdict {
        const auto parsed = parse_size(text, {range.min, range.max});
        if (!parsed) return parsed.error();
        member = static_cast<T>(*parsed);
        return {};
    };
    scalar.text = [&member] { return print_size(member); };
    return scalar;
}

template <class Duration>
Scalar Describer::duration_shape(Duration& member, Range<Duration> range) {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    const Range<microseconds> fine{duration_cast<microseconds>(range.min), duration_cast<microseconds>(range.max)};
    Scalar scalar{"DURATION", print_duration(fine.min) + " to " + print_duration(fine.max)};
    scalar.set = [&member, fine](std::string_view text) -> Verdict {
        const auto parsed = parse_duration(text, fine);
        if (!parsed) return parsed.error();
        const auto whole = duration_cast<Duration>(*parsed);
        if (duration_cast<microseconds>(whole) != *parsed) {
            return Fault{"is too fine",
                         "the smallest step is " + print_duration(duration_cast<microseconds>(Duration{1}))};
        }
        member = whole;
        return {};
    };
    scalar.text = [&member] { return print_duration(duration_cast<microseconds>(member)); };
    return scalar;
}

template <class E>
Scalar Describer::choice_shape(E& member, std::span<const Choice<E>> table) {
    std::vector<std::string> names;
    for (const auto& row : table) names.emplace_back(row.name);
    std::string allowed;
    for (const auto& name : names)
        allowed.append(allowed.empty() ? "" : name == names.back() ? " or " : ", ").append(name);
    Scalar scalar{"WORD", allowed};
    scalar.set = [&member, table, names, allowed](std::string_view text) -> Verdict {
        const auto row = std::ranges::find(table, text, &Choice<E>::name);
        if (row == table.end()) return Fault{"is not a choice", did_you_mean(text, names, "write " + allowed)};
        member = row->value;
        return {};
    };
    scalar.text = [&member, table] { return std::string{std::ranges::find(table, member, &Choice<E>::value)->name}; };
    return scalar;
}

template <class T>
Each Describer::each_shape(std::vector<T>& member) {
    return {.clear = [&member] { member.clear(); },
            .append = [&member] { return schema_of(member.emplace_back()); },
            .size = [&member] { return member.size(); },
            .at = [&member](std::size_t index) { return schema_of(member[index]); },
            .specimen = [] { return specimen_of<T>(); }};
}

template <class T>
Named Describer::named_shape(std::map<std::string, T>& member) {
    return {.at = [&member](const std::string& name) { return schema_of(member[name]); },
            .names =
                [&member] {
                    std::vector<std::string> names;
                    for (const auto& entry : member) names.push_back(entry.first);
                    return names;
                },
            .specimen = [] { return specimen_of<T>(); },
            .principal = {}};
}

}  // namespace longshore::config

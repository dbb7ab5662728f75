// The declarations of one configuration, bound to the values they set.
//
// A Schema is made by `schema_of` (describe.hpp) from a struct's `describe` function. The parser, the flags, the
// environment, the help, the reference page and the comparison of two configurations all read it and nothing else.
//
// Ownership: a Schema refers to the struct it was made from; the struct outlives it and does not move.
// Threads:   as the struct.
#pragma once

#include "config/mistake.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace longshore::config {

struct Field;

struct Schema {
    std::vector<Field> fields;
    std::function<void(Mistakes&)> check;  // across fields; may be empty
};

using Verdict = std::optional<Fault>;  // empty: fine
using Validator = std::function<Verdict(std::string_view)>;

// One value written as one text.
struct Scalar {
    std::string type;     // as help shows it: "DURATION"
    std::string allowed;  // "1s to 1h", "text or json"; empty: any
    bool is_switch = false;
    std::function<Verdict(std::string_view)> set;
    std::function<std::string()> text;
};

// Texts in order; each layer that names the list replaces it.
struct List {
    std::function<void()> clear;
    std::function<void(std::string)> append;
    std::function<std::vector<std::string>()> items;
};

struct Group {
    Schema schema;
    bool plain_flags = false;  // the flags inside leave out the group's name
};

// A schema together with the value it describes.
struct Specimen {
    std::shared_ptr<void> value;
    Schema schema;
};

// Structs in order; each layer that names the list replaces it.
struct Each {
    std::function<void()> clear;
    std::function<Schema()> append;  // describes the new last element, until the next append
    std::function<std::size_t()> size;
    std::function<Schema(std::size_t)> at;
    std::function<Specimen()> specimen;
};

// Structs by name; each layer adds names or changes fields of those there.
struct Named {
    std::function<Schema(const std::string&)> at;  // makes it when it is not there
    std::function<std::vector<std::string>()> names;
    std::function<Specimen()> specimen;
    std::string principal;  // the key that NAME=VALUE sets; empty: only NAME.KEY=VALUE is accepted
};

enum class Reload : std::uint8_t { restart, live };

struct Field {
    std::string name;
    std::string doc;
    std::variant<Scalar, List, Group, Each, Named> shape;
    Reload reload = Reload::restart;
    bool is_secret = false;                    // no flag, never shown
    std::string flag;                          // without dashes; empty: from the path
    std::string placeholder;                   // empty: from the type
    std::optional<std::string> shown_default;  // for defaults that depend on the machine or the command
    Validator validator;                       // of the text, of each text of a list, of the names of a Named

    // A change is taken over by SIGHUP; otherwise it waits for a restart.
    Field& live();
    Field& secret();
    // The flag's name, where the path does not read well: "upstream" for mirror.upstreams.
    Field& flag_name(std::string_view words);
    Field& shown_as(std::string_view words);
    Field& default_as(std::string_view words);
    Field& checked_by(Validator check);
    // Groups only.
    Field& plain_flags();
    // Named only.
    Field& principal(std::string_view key);
};

// One declared field with the names it answers to.
struct Setting {
    std::string path;         // "mirror.tag_ttl"
    std::string flag;         // "tag-ttl"; empty for a secret
    std::string environment;  // "LONGSHORE_MIRROR_TAG_TTL"
    Field* field = nullptr;   // never a group
};

// The fields of one group, in order of declaration; groups inside are sections of their own.
struct Section {
    std::string path;              // empty at the top
    const Field* group = nullptr;  // null at the top
    std::vector<Setting> settings;
};

[[nodiscard]] std::vector<Section> sections(Schema& schema);
[[nodiscard]] std::vector<Setting> settings(Schema& schema);

// "DURATION", "ADDRESS", "NAME=URL"; empty for a switch.
[[nodiscard]] std::string placeholder_of(const Field& field);
// The current value in one line: "60s", "[a, b]", "{docker: {url: http://…}}". Secrets show as "(secret)".
[[nodiscard]] std::string text_of(const Field& field);
// As text_of, secrets included: for comparing, not for showing.
[[nodiscard]] std::string exact_text_of(const Field& field);
// What the reader is told is the default: `shown_default`, else the current value; "none" when empty.
[[nodiscard]] std::string default_of(const Field& field);

// Sets a scalar through its validator.
[[nodiscard]] Verdict set_text(Field& field, std::string_view text);

// `"60" has no unit`, without the value for a secret.
[[nodiscard]] std::string complaint(const Field& field, std::string_view value, const Fault& fault);

// Runs the cross-field checks, innermost first.
void run_checks(Schema& schema, Mistakes& mistakes);

}  // namespace longshore::config

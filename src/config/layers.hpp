// The layers of a configuration, each written over the one before: file, environment, flags.
//
// Every function sets what it can and collects a mistake for each thing it cannot; none stops early. Pure.
#pragma once

#include "config/document.hpp"
#include "config/mistake.hpp"
#include "config/schema.hpp"

#include <span>
#include <string>
#include <vector>

namespace longshore::config {

// An environment variable.
struct Variable {
    std::string name;
    std::string value;
};

// A flag as it was given; `name` without dashes, `value` "true" for a bare switch.
struct FlagValue {
    std::string name;
    std::string value;
};

void apply_document(Schema& schema, const Node& root, Mistakes& mistakes);

// Empty values count as absent; lists are separated by spaces. Unknown LONGSHORE_ names are mistakes when they stand
// under a group that exists or are near a known name; the ones an orchestrator makes for a service named "longshore"
// are not (LONGSHORE_MIRROR_PORT_5000_TCP_ADDR).
void apply_environment(Schema& schema, std::span<const Variable> environment, Mistakes& mistakes);

// Flags that no declaration knows are left to the caller, who has flags of its own.
void apply_flags(Schema& schema, std::span<const FlagValue> flags, Mistakes& mistakes);

// Sets a field from the texts of one flag or variable: one for a scalar, any number for lists and maps.
//   list of structs: "cert=a.pem,key=a.key"    map: "NAME=VALUE" (principal key) or "NAME.KEY=VALUE"
void apply_texts(const Setting& setting, std::span<const std::string> texts, const Origin& origin, Mistakes& mistakes);

}  // namespace longshore::config

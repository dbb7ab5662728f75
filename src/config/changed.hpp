// What differs between two configurations of the same kind, and which of it waits for a restart. Pure.
#pragma once

#include "config/describe.hpp"

#include <string>
#include <vector>

namespace longshore::config {

struct Change {
    std::string path;
    Reload reload = Reload::restart;
    std::string before;  // "(secret)" for secrets
    std::string after;
};

[[nodiscard]] std::vector<Change> changed(Schema& before, Schema& after);

template <class T>
[[nodiscard]] std::vector<Change> changed(T before, T after) {
    auto old_schema = schema_of(before);
    auto new_schema = schema_of(after);
    return changed(old_schema, new_schema);
}

}  // namespace longshore::config

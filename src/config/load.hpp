// A configuration from its sources: defaults, then file, then environment, then flags.
//
// Loading reads and judges; it changes nothing that runs. The same Sources load again on SIGHUP: compare the two
// results with `changed` (changed.hpp) and swap, or keep the old one and report the mistakes.
//
// Errors: every mistake of every source together; the value is usable only when there are none.
#pragma once

#include "base/files.hpp"
#include "config/describe.hpp"
#include "config/layers.hpp"

#include <string>
#include <vector>

namespace longshore::config {

struct Sources {
    std::string file;  // path; empty: none
    std::vector<Variable> environment;
    std::vector<FlagValue> flags;
};

template <class T>
struct Loaded {
    T value;
    std::vector<Mistake> mistakes;
    [[nodiscard]] bool ok() const noexcept { return mistakes.empty(); }
};

// Applies all sources to a schema, then the cross-field checks. Blocks on the file: at start, or on the disk pool.
[[nodiscard]] std::vector<Mistake> apply_sources(Files& files, const Sources& sources, Schema& schema);

template <class T>
[[nodiscard]] Loaded<T> load(Files& files, const Sources& sources, T defaults = {}) {
    Loaded<T> loaded{std::move(defaults), {}};
    auto schema = schema_of(loaded.value);
    loaded.mistakes = apply_sources(files, sources, schema);
    return loaded;
}

}  // namespace longshore::config

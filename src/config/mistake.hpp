// What is wrong with a configuration, said so that it can be put right.
//
// Loading never stops at the first mistake: every one is collected with its path, the place it was written and a
// fix. Values, no I/O; one thread at a time.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::config {

// Where a value was written.
struct Origin {
    std::string source;      // file name, "LONGSHORE_LISTEN" or "--listen"
    std::size_t line = 0;    // from 1; 0: not a file
    std::size_t column = 0;  // from 1
};

struct Mistake {
    std::string path;  // "mirror.tag_ttl"; empty: the whole source
    Origin origin;
    std::string text;  // `"60" has no unit`
    std::string fix;   // "write 60s"; may be empty
};

// `longshore.yaml:3:12`; empty when nobody knows.
[[nodiscard]] std::string to_string(const Origin& origin);
// `longshore.yaml:3:12: mirror.tag_ttl: "60" has no unit; write 500ms, 60s or 1h`
[[nodiscard]] std::string to_string(const Mistake& mistake);

// Why one value is refused. `text` goes on from the value: "has no unit".
struct Fault {
    std::string text;
    std::string fix;
};

class Mistakes {
public:
    static constexpr std::size_t k_limit = 100;  // kept; the rest are counted

    void add(Mistake mistake);

    // For cross-field checks: `field` is relative to the struct under check, empty for the struct itself. The place
    // is where the field was set. Ignored when that field has a mistake already.
    void at(std::string_view field, std::string text, std::string fix);

    void remember(const std::string& path, Origin origin) { origins_[path] = std::move(origin); }
    // The path that `at` starts from.
    void enter(std::string path) { base_ = std::move(path); }

    // The mistakes in order, with a last line for those beyond the limit.
    [[nodiscard]] std::vector<Mistake> take();

private:
    std::vector<Mistake> kept_;
    std::size_t dropped_ = 0;
    std::map<std::string, Origin> origins_;
    std::string base_;
};

// "mirror" + "tag_ttl"; either may be empty.
[[nodiscard]] std::string join_path(std::string_view base, std::string_view name);

// The value as a message shows it: quoted, shortened, control characters escaped.
[[nodiscard]] std::string quoted(std::string_view value);

// The word of `known` that was most likely meant; empty when none is near.
[[nodiscard]] std::string nearest(std::string_view word, std::span<const std::string> known);
// "did you mean `tag_ttl`?"; `otherwise` when nothing is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string> known,
                                       std::string otherwise);

}  // namespace longshore::config

#include "config/mistake.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace longshore::config {

namespace {

constexpr std::size_t k_shown = 60;         // characters of a value that a message repeats
constexpr std::size_t k_longest_word = 64;  // longer words have no near ones

// Restricted Damerau-Levenshtein: insert, delete, replace, swap neighbours.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> current(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            current[j] = std::min({last[j] + 1, current[j - 1] + 1, last[j - 1] + cost});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) current[j] = std::min(current[j], before_last[j - 2] + 1);
        }
        std::swap(before_last, last);
        std::swap(last, current);
    }
    return last[b.size()];
}

}  // namespace

std::string to_string(const Origin& origin) {
    std::string out = origin.source;
    if (origin.line != 0) out.append(":" + std::to_string(origin.line) + ":" + std::to_string(origin.column));
    return out;
}

std::string to_string(const Mistake& mistake) {
    auto out = to_string(mistake.origin);
    if (!out.empty()) out.append(": ");
    if (!mistake.path.empty()) out.append(mistake.path).append(": ");
    out.append(mistake.text);
    if (!mistake.fix.empty()) out.append("; ").append(mistake.fix);
    return out;
}

void Mistakes::add(Mistake mistake) {
    if (kept_.size() < k_limit) {
        kept_.push_back(std::move(mistake));
    } else {
        ++dropped_;
    }
}

void Mistakes::at(std::string_view field, std::string text, std::string fix) {
    std::string path = join_path(base_, field);
    if (std::ranges::find(kept_, path, &Mistake::path) != kept_.end()) return;
    const auto known = origins_.find(path);
    Origin origin = known == origins_.end() ? Origin{} : known->second;
    add({std::move(path), std::move(origin), std::move(text), std::move(fix)});
}

std::vector<Mistake> Mistakes::take() {
    if (dropped_ != 0) {
        kept_.push_back({{}, {}, "and " + std::to_string(dropped_) + " more", "put these right first"});
    }
    return std::exchange(kept_, {});
}

std::string join_path(std::string_view base, std::string_view name) {
    std::string path{base};
    if (!base.empty() && !name.empty()) path.push_back('.');
    return path.append(name);
}

std::string quoted(std::string_view value) {
    static constexpr std::string_view k_hex = "0123456789abcdef";
    std::string out{'"'};
    for (const char c : value.substr(0, k_shown)) {
        const auto byte = static_cast<std::uint8_t>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out.append("\\x").append({k_hex[byte >> 4], k_hex[byte & 15]});
        } else {
            out.push_back(c);
        }
    }
    while (value.size() > k_shown && !out.empty() && (static_cast<std::uint8_t>(out.back()) & 0x80) != 0) {
        out.pop_back();  // never end inside a UTF-8 sequence
    }
    return out.append(value.size() > k_shown ? "…\"" : "\"");
}

std::string nearest(std::string_view word, std::span<const std::string> known) {
    if (word.empty() || word.size() > k_longest_word) return {};
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto& candidate : known) {
        if (candidate.size() > k_longest_word) continue;
        const auto there = distance(word, candidate);
        if (there >= best_distance) continue;
        best = candidate;
        best_distance = there;
    }
    return std::string{best};
}

std::string did_you_mean(std::string_view word, std::span<const std::string> known, std::string otherwise) {
    const auto near = nearest(word, known);
    return near.empty() ? std::move(otherwise) : "did you mean `" + near + "`?";
}

}  // namespace longshore::config

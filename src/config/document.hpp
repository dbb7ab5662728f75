// YAML text to a small tree, within limits that hold before anything grows.
//
// Accepted: one document in UTF-8, maps with plain keys, sequences, scalars. Anchors, aliases and tags are mistakes
// (an alias is how a kilobyte becomes a gigabyte), and so are more bytes, longer lines, more nodes or nesting than the
// limits below. Pure; errors are mistakes with line and column. Source: YAML 1.2, read by yaml-cpp's event parser.
#pragma once

#include "config/mistake.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::config {

constexpr std::size_t k_document_bytes = std::size_t{1} << 20;
constexpr std::size_t k_document_line = std::size_t{64} << 10;  // yaml-cpp queues the tokens of a line that opens a map
constexpr std::size_t k_document_nodes = 100'000;
constexpr std::size_t k_document_depth = 32;

struct Node {
    enum class Kind : std::uint8_t { null, scalar, sequence, map, refused };  // refused: already reported

    struct Key {
        std::string text;
        Origin origin;
    };

    Kind kind = Kind::null;
    Origin origin;
    std::string text;         // scalars
    std::vector<Key> keys;    // maps: one for each item
    std::vector<Node> items;  // sequences and maps
};

// Nothing when the text cannot be read as a tree; `mistakes` then says why. `source` is the name messages use.
[[nodiscard]] std::optional<Node> parse_document(std::string_view text, const std::string& source, Mistakes& mistakes);

}  // namespace longshore::config

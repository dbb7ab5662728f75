// What request and response heads have in common: finding the end, and reading field lines.
//
// For the parsers of this folder. Views point into the buffer of the call.
#pragma once

#include "http/h1/syntax.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace longshore::http::h1 {

enum class HeadKind : std::uint8_t { request, response };

struct HeadText {
    std::string_view start_line;   // without CRLF
    std::string_view field_lines;  // each with CRLF
    std::size_t bytes = 0;         // of the buffer, the empty lines before and after included
};

// Nothing: more is needed. Each byte is looked at once over all calls with the same scan.
[[nodiscard]] Parsed<std::optional<HeadText>> find_head(std::string_view buffer, HeadKind kind,
                                                        const HeadLimits& limits, HeadScan& scan);

// A field that may stand once; the last value is kept.
struct Single {
    std::string_view value;
    std::size_t count = 0;
};

// What the connection-level and framing fields say.
struct ConnectionFacts {
    static constexpr std::size_t k_max_nominated = 32;

    Single content_length;
    Single transfer_encoding;
    Single host;
    Single expect;
    Single websocket_key;
    Single websocket_accept;
    Single websocket_version;
    Single upgrade;
    bool close = false;
    bool keep_alive = false;
    bool wants_upgrade = false;  // Connection: upgrade
    bool websocket = false;      // Upgrade: websocket
    bool trailers = false;       // TE: trailers
    std::array<std::string_view, k_max_nominated> nominated;
    std::size_t nominated_count = 0;

    [[nodiscard]] bool keeps_alive(Version version) const noexcept {
        return !close && (version == Version::http1_1 || keep_alive);
    }
};

struct FieldLine {
    std::string_view name;
    std::string_view value;  // trimmed
};
// `line` without CRLF.
[[nodiscard]] Parsed<FieldLine> read_field_line(std::string_view line);

// Adds the end-to-end fields to `fields`, without those that Connection names, and the rest to `facts`.
[[nodiscard]] Parsed<void> read_fields(std::string_view field_lines, HeadKind kind, Fields& fields,
                                       ConnectionFacts& facts);

struct FramingFacts {
    Framing framing = Framing::none;      // none, length or chunked
    std::optional<std::uint64_t> length;  // of Content-Length
};
[[nodiscard]] Parsed<FramingFacts> read_framing(const ConnectionFacts& facts, Version version);

// "HTTP/1.1" or "HTTP/1.0"; 505 for another version, 400 for none.
[[nodiscard]] Parsed<Version> read_version(std::string_view text);

}  // namespace longshore::http::h1

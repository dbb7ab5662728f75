// The chunked transfer coding, read strictly and piece by piece.
//
// Sizes are 1 to 16 hex digits and nothing else; every line ends in CRLF. Chunk extensions are checked and
// dropped; they may not hold white space and together cost at most 1 KiB plus one byte in 64 of the body, so that
// many small chunks earn nothing. Trailers that frame, route, authenticate or belong to one hop are dropped.
//
// Ownership: `data` points into the input of the call. Errors: 400 (431 for a trailer section over its limits);
// after a failure or `done` feed nothing more.
// Source: RFC 9112 §7.1, RFC 9110 §6.5.
#pragma once

#include "http/fields.hpp"
#include "http/h1/syntax.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace longshore::http::h1 {

class ChunkedDecoder {
public:
    struct Limits {
        std::size_t extension_bytes = 1024;
        std::size_t trailer_bytes = 8 * 1024;
        std::size_t trailer_count = 100;
    };
    struct Step {
        std::size_t consumed = 0;  // bytes of the input, `data` included
        std::string_view data;     // body bytes; may be empty while framing is read
        bool done = false;         // the body and its trailers ended with the consumed bytes
    };

    ChunkedDecoder() = default;
    explicit ChunkedDecoder(const Limits& limits) : limits_(limits) {}

    // Reads up to the end of the first run of body bytes. Call again with the rest while there is any; all consumed
    // and not done: more input is needed.
    [[nodiscard]] Parsed<Step> feed(std::string_view input);
    // Body bytes that are still to come of the chunk that is being read.
    [[nodiscard]] std::uint64_t chunk_left() const noexcept { return state_ == State::data ? left_ : 0; }
    // Once, after `done`.
    [[nodiscard]] Fields take_trailers() noexcept { return std::move(trailers_); }

private:
    enum class State : std::uint8_t {
        size_first,
        size_more,
        extension_name_first,
        extension_name,
        extension_value_first,
        extension_token,
        extension_quoted,
        extension_escaped,
        extension_quoted_end,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer_line,
        done
    };
    [[nodiscard]] Parsed<void> framing_byte(char byte);
    [[nodiscard]] Parsed<void> size_byte(char byte);
    [[nodiscard]] Parsed<void> extension_byte(char byte);
    [[nodiscard]] Parsed<std::size_t> trailer_bytes(std::string_view input);
    [[nodiscard]] Parsed<void> end_trailer_line();

    Limits limits_;
    State state_ = State::size_first;
    std::uint8_t digits_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t body_bytes_ = 0;
    std::uint64_t extension_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
    std::size_t trailer_count_ = 0;
    std::string line_;
    Fields trailers_;
};

// Whether a field may come after the body. `name` in lower case.
[[nodiscard]] bool allowed_in_trailers(std::string_view name) noexcept;

}  // namespace longshore::http::h1

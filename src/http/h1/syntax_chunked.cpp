#include "http/h1/syntax_chunked.hpp"

#include "http/characters.hpp"
#include "http/h1/syntax_lines.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace longshore::http::h1 {
namespace {

constexpr std::uint8_t k_most_digits = 16;
constexpr std::uint64_t k_body_bytes_per_extension_byte = 64;
constexpr std::uint64_t k_most_bytes = std::numeric_limits<std::int64_t>::max();

ParseFailure bad(std::string_view why) { return {400, why}; }

// Sorted. RFC 9110 §6.5.1: framing, routing, modifiers, authentication, control data and how to read content.
constexpr std::array<std::string_view, 42> k_never_in_trailers{
    "age",
    "authentication-info",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "forwarded",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "retry-after",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-real-ip",
};
static_assert(std::is_sorted(k_never_in_trailers.begin(), k_never_in_trailers.end()));

}  // namespace

bool allowed_in_trailers(std::string_view name) noexcept {
    if (name.starts_with("sec-websocket-") || name.starts_with("x-forwarded-")) return false;
    return !std::binary_search(k_never_in_trailers.begin(), k_never_in_trailers.end(), name);
}

Parsed<ChunkedDecoder::Step> ChunkedDecoder::feed(std::string_view input) {
    std::size_t at = 0;
    while (at < input.size() && state_ != State::done) {
        if (state_ == State::data) {
            const auto data =
                input.substr(at, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - at)));
            left_ -= data.size();
            body_bytes_ += data.size();
            if (left_ == 0) state_ = State::data_cr;
            return Step{at + data.size(), data, false};
        }
        if (state_ == State::trailer_line) {
            const auto taken = trailer_bytes(input.substr(at));
            if (!taken) return taken.error();
            at += *taken;
        } else {
            if (auto read = framing_byte(input[at]); !read) return read.error();
            ++at;
        }
    }
    return Step{at, {}, state_ == State::done};
}

Parsed<void> ChunkedDecoder::framing_byte(char byte) {
    switch (state_) {
        case State::size_first:
        case State::size_more:
            return size_byte(byte);
        case State::size_lf:
            if (byte != '\n') return bad("chunk size line ends in a bare CR");
            state_ = left_ == 0 ? State::trailer_line : State::data;
            return {};
        case State::data_cr:
            if (byte != '\r') return bad("no CRLF after the chunk");
            state_ = State::data_lf;
            return {};
        case State::data_lf:
            if (byte != '\n') return bad("no CRLF after the chunk");
            state_ = State::size_first;
            return {};
        default:
            return extension_byte(byte);
    }
}

Parsed<void> ChunkedDecoder::size_byte(char byte) {
    const int digit = hex_value(byte);
    if (digit >= 0) {
        if (state_ == State::size_first) left_ = digits_ = 0;
        if (++digits_ > k_most_digits) return bad("chunk size has too many digits");
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        state_ = State::size_more;
        return {};
    }
    if (state_ == State::size_first) return bad("chunk size is not a number");
    if (left_ > k_most_bytes - body_bytes_) return bad("chunk size is too large");
    if (byte == '\r') {
        state_ = State::size_lf;
        return {};
    }
    if (byte != ';') return bad("chunk size is not a number");
    state_ = State::extension_name_first;
    return {};
}

// `;name`, `;name=token` or `;name="text"`, any number of them.
Parsed<void> ChunkedDecoder::extension_byte(char byte) {
    if (++extension_bytes_ > limits_.extension_bytes + body_bytes_ / k_body_bytes_per_extension_byte) {
        return bad("chunk extensions cost too much");
    }
    const bool token = is_a(byte, k_token);
    const bool may_end =
        state_ == State::extension_name || state_ == State::extension_token || state_ == State::extension_quoted_end;
    if (may_end && (byte == '\r' || byte == ';')) {
        state_ = byte == '\r' ? State::size_lf : State::extension_name_first;
        return {};
    }
    switch (state_) {
        case State::extension_name_first:
        case State::extension_name:
            if (state_ == State::extension_name && byte == '=') {
                state_ = State::extension_value_first;
                return {};
            }
            state_ = State::extension_name;
            break;
        case State::extension_value_first:
            state_ = byte == '"' ? State::extension_quoted : State::extension_token;
            if (byte == '"') return {};
            break;
        case State::extension_quoted:
            if (byte == '"') state_ = State::extension_quoted_end;
            if (byte == '\\') state_ = State::extension_escaped;
            return is_a(byte, k_field) ? Parsed<void>{} : bad("chunk extension is malformed");
        case State::extension_escaped:
            state_ = State::extension_quoted;
            return is_a(byte, k_field) ? Parsed<void>{} : bad("chunk extension is malformed");
        default:
            break;
    }
    const bool in_token = state_ == State::extension_name || state_ == State::extension_token;
    return token && in_token ? Parsed<void>{} : bad("chunk extension is malformed");
}

// Takes up to the end of one line; what is incomplete is kept in `line_`.
Parsed<std::size_t> ChunkedDecoder::trailer_bytes(std::string_view input) {
    const auto lf = input.find('\n');
    const auto taken = std::min(lf, input.size() - 1) + 1;
    trailer_bytes_ += taken;
    if (trailer_bytes_ > limits_.trailer_bytes) return ParseFailure{431, "trailers too large"};
    line_.append(input.substr(0, taken));
    if (lf == std::string_view::npos) return taken;
    if (auto ended = end_trailer_line(); !ended) return ended.error();
    line_.clear();
    return taken;
}

Parsed<void> ChunkedDecoder::end_trailer_line() {
    if (!line_.ends_with("\r\n")) return bad("trailer line ends in a bare LF");
    if (line_.size() == 2) {
        state_ = State::done;
        return {};
    }
    const auto field = read_field_line(std::string_view(line_).substr(0, line_.size() - 2));
    if (!field) return field.error();
    if (++trailer_count_ > limits_.trailer_count) return ParseFailure{431, "too many trailers"};
    std::string name(field->name);
    std::transform(name.begin(), name.end(), name.begin(), to_lower);
    if (allowed_in_trailers(name)) trailers_.add(name, field->value);
    return {};
}

}  // namespace longshore::http::h1

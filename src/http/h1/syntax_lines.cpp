#include "http/h1/syntax_lines.hpp"

#include "http/characters.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace longshore::http::h1 {
namespace {

ParseFailure bad(std::string_view why) { return {400, why}; }

bool may_start(char byte, HeadKind kind, bool after_empty_line) noexcept {
    if (kind == HeadKind::response) return byte == 'H';
    return is_a(byte, k_token) || (byte == '\r' && !after_empty_line);
}

// `head` is complete: an empty line perhaps, the start line, field lines, the empty line.
HeadText split_head(std::string_view head) {
    const std::size_t start = head.starts_with("\r\n") ? 2 : 0;
    const auto start_end = head.find('\n', start) + 1;
    return {head.substr(start, start_end - 2 - start), head.substr(start_end, head.size() - 2 - start_end),
            head.size()};
}

// The field names that are facts of the connection or of framing, or that end here.
enum class Known : std::uint8_t {
    no,
    connection,
    content_length,
    dropped,
    expect,
    host,
    te,
    transfer_encoding,
    upgrade,
    websocket_accept,
    websocket_key,
    websocket_version
};

Known known_of_size_17(std::string_view name) noexcept {
    if (same_text(name, "transfer-encoding")) return Known::transfer_encoding;
    return same_text(name, "sec-websocket-key") ? Known::websocket_key : Known::no;
}

Known known_of_size_10(std::string_view name) noexcept {
    if (same_text(name, "connection")) return Known::connection;
    return same_text(name, "keep-alive") ? Known::dropped : Known::no;
}

Known known_of_size_14(std::string_view name) noexcept {
    if (same_text(name, "content-length")) return Known::content_length;
    return same_text(name, "http2-settings") ? Known::dropped : Known::no;
}

Known known(std::string_view name) noexcept {
    const auto either = [name](std::string_view word, Known it) { return same_text(name, word) ? it : Known::no; };
    switch (name.size()) {
        case 2:
            return either("te", Known::te);
        case 4:
            return either("host", Known::host);
        case 6:
            return either("expect", Known::expect);
        case 7:
            return either("upgrade", Known::upgrade);
        case 10:
            return known_of_size_10(name);
        case 14:
            return known_of_size_14(name);
        case 16:
            return either("proxy-connection", Known::dropped);
        case 17:
            return known_of_size_17(name);
        case 20:
            return either("sec-websocket-accept", Known::websocket_accept);
        case 21:
            return either("sec-websocket-version", Known::websocket_version);
        default:
            return Known::no;
    }
}

void note(Single& single, std::string_view value) noexcept {
    single.value = value;
    ++single.count;
}

bool list_has(std::string_view list, std::string_view token) noexcept {
    while (!list.empty()) {
        if (same_text(take_list_element(list), token)) return true;
    }
    return false;
}

Parsed<void> note_option(std::string_view option, ConnectionFacts& facts) {
    if (!valid_field_name(option)) return bad("Connection: not a token");
    switch (known(option)) {
        case Known::host:
        case Known::content_length:
        case Known::transfer_encoding:
            return bad("Connection: names a field that frames or routes");
        case Known::no:
            break;
        default:
            facts.wants_upgrade |= same_text(option, "upgrade");
    }
    facts.close |= same_text(option, "close");
    facts.keep_alive |= same_text(option, "keep-alive");
    if (known(option) != Known::no || same_text(option, "close")) return {};
    if (facts.nominated_count == ConnectionFacts::k_max_nominated) return bad("Connection: too many options");
    facts.nominated[facts.nominated_count++] = option;
    return {};
}

Parsed<void> note_options(std::string_view list, ConnectionFacts& facts) {
    while (!list.empty()) {
        const auto option = take_list_element(list);
        if (option.empty()) continue;
        if (auto noted = note_option(option, facts); !noted) return noted;
    }
    return {};
}

// Whether the field is for the next hop too.
Parsed<bool> note_field(const FieldLine& field, HeadKind kind, ConnectionFacts& facts) {
    const bool request = kind == HeadKind::request;
    switch (known(field.name)) {
        case Known::no:
            return true;
        case Known::dropped:
            return false;
        case Known::content_length:
            note(facts.content_length, field.value);
            return false;
        case Known::transfer_encoding:
            note(facts.transfer_encoding, field.value);
            return false;
        case Known::te:
            facts.trailers |= list_has(field.value, "trailers");
            return false;
        case Known::host:
            note(facts.host, field.value);
            return !request;
        case Known::expect:
            note(facts.expect, field.value);
            return !request;
        case Known::websocket_key:
            note(facts.websocket_key, field.value);
            return false;
        case Known::websocket_accept:
            note(facts.websocket_accept, field.value);
            return false;
        case Known::websocket_version:
            note(facts.websocket_version, field.value);
            return !request;
        case Known::upgrade:
            note(facts.upgrade, field.value);
            facts.websocket |= list_has(field.value, "websocket");
            return false;
        case Known::connection: {
            auto noted = note_options(field.value, facts);
            if (!noted) return noted.error();
            return false;
        }
    }
    return true;
}

Parsed<std::uint64_t> read_length(std::string_view digits) {
    constexpr std::size_t k_most_digits = 19;
    std::uint64_t value = 0;
    if (digits.empty() || digits.size() > k_most_digits) return bad("Content-Length: not a length");
    for (const char digit : digits) {
        if (!is_digit(digit)) return bad("Content-Length: not a number");
        value = value * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    if (value > std::numeric_limits<std::int64_t>::max()) return bad("Content-Length: too large");
    return value;
}

Parsed<void> check_coding(std::string_view value) {
    if (same_text(value, "chunked")) return {};
    bool unknown = false;
    for (bool more = true; more;) {
        more = value.find(',') != std::string_view::npos;
        const auto coding = take_list_element(value);
        if (!valid_field_name(coding)) return bad("Transfer-Encoding: not a token");
        unknown |= !same_text(coding, "chunked");
    }
    if (unknown) return ParseFailure{501, "Transfer-Encoding: unknown coding"};
    return bad("Transfer-Encoding: chunked more than once");
}

}  // namespace

void throw_exception_from_error(const ParseFailure& failure, const boost::source_location& where) {
    throw std::logic_error(std::string(failure.why) + " (" + where.to_string() + ")");
}

Parsed<std::optional<HeadText>> find_head(std::string_view buffer, HeadKind kind, const HeadLimits& limits,
                                          HeadScan& scan) {
    const auto window = buffer.substr(0, limits.head_bytes);
    const bool request = kind == HeadKind::request;
    for (;;) {
        const bool in_start_line = scan.lines == 0;
        if (in_start_line && scan.line_at < window.size() &&
            !may_start(window[scan.line_at], kind, scan.line_at != 0)) {
            return bad("not an HTTP/1 message");
        }
        const auto lf = window.find('\n', scan.scanned);
        const auto line_end = std::min(lf, window.size());
        if (in_start_line && line_end - scan.line_at > limits.line_bytes + 1) return ParseFailure{414, "long line"};
        scan.scanned = line_end;
        if (lf == std::string_view::npos) break;
        if (lf == scan.line_at || window[lf - 1] != '\r') return bad("line ends in a bare LF");
        const bool empty_line = lf - 1 == scan.line_at;
        if (empty_line && !in_start_line) return split_head(buffer.substr(0, lf + 1));
        if (empty_line && (!request || scan.line_at != 0)) return bad("empty lines before the head");
        scan.lines += empty_line ? 0 : 1;
        if (scan.lines > limits.field_count + 1) return ParseFailure{431, "too many fields"};
        scan.line_at = scan.scanned = lf + 1;
    }
    if (buffer.size() >= limits.head_bytes) return ParseFailure{431, "head too large"};
    return std::optional<HeadText>{};
}

Parsed<FieldLine> read_field_line(std::string_view line) {
    const auto colon = static_cast<std::size_t>(
        std::find_if_not(line.begin(), line.end(), [](char byte) { return is_a(byte, k_token); }) - line.begin());
    if (colon == 0 || colon == line.size() || line[colon] != ':')
        return bad("field name is not a token before a colon");
    const auto value = trimmed(line.substr(colon + 1));
    if (!valid_field_value(value)) return bad("control character in a field value");
    return FieldLine{line.substr(0, colon), value};
}

Parsed<void> read_fields(std::string_view field_lines, HeadKind kind, Fields& fields, ConnectionFacts& facts) {
    while (!field_lines.empty()) {
        const auto lf = field_lines.find('\n');
        const auto field = read_field_line(field_lines.substr(0, lf - 1));
        if (!field) return field.error();
        field_lines.remove_prefix(lf + 1);
        const auto stays = note_field(*field, kind, facts);
        if (!stays) return stays.error();
        if (*stays) fields.add(field->name, field->value);
    }
    for (std::size_t i = 0; i < facts.nominated_count; ++i) fields.remove(facts.nominated[i]);
    return {};
}

Parsed<FramingFacts> read_framing(const ConnectionFacts& facts, Version version) {
    FramingFacts framing;
    if (facts.transfer_encoding.count > 0) {
        if (facts.content_length.count > 0) return bad("Content-Length beside Transfer-Encoding");
        if (facts.transfer_encoding.count > 1) return bad("Transfer-Encoding more than once");
        if (version == Version::http1_0) return bad("Transfer-Encoding in HTTP/1.0");
        if (auto known = check_coding(facts.transfer_encoding.value); !known) return known.error();
        framing.framing = Framing::chunked;
    } else if (facts.content_length.count > 0) {
        if (facts.content_length.count > 1) return bad("Content-Length more than once");
        const auto length = read_length(facts.content_length.value);
        if (!length) return length.error();
        framing = {Framing::length, *length};
    }
    return framing;
}

Parsed<Version> read_version(std::string_view text) {
    if (text == "HTTP/1.1") return Version::http1_1;
    if (text == "HTTP/1.0") return Version::http1_0;
    const bool well_formed =
        text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' && is_digit(text[7]);
    if (well_formed) return ParseFailure{505, "not HTTP/1.0 or HTTP/1.1"};
    return bad("malformed version");
}

}  // namespace longshore::http::h1

#include "http/characters.hpp"
#include "http/h1/syntax.hpp"
#include "http/h1/syntax_lines.hpp"

namespace longshore::http::h1 {
namespace {

// Whoever asked us is not to blame for what the origin sent.
ParseFailure unreadable(const ParseFailure& failure) { return {502, failure.why}; }
ParseFailure unreadable(std::string_view why) { return {502, why}; }

struct StatusLine {
    Version version = Version::http1_1;
    Status status = 0;
};

Parsed<StatusLine> read_status_line(std::string_view line) {
    constexpr std::size_t k_code_at = 9;
    constexpr std::size_t k_code_end = 12;
    const auto version = read_version(line.substr(0, 8));
    if (!version) return version.error();
    if (line.size() < k_code_end || line[8] != ' ') return unreadable("no status code");
    unsigned status = 0;
    for (const char digit : line.substr(k_code_at, 3)) {
        if (!is_digit(digit)) return unreadable("status code is not a number");
        status = status * 10 + static_cast<unsigned>(digit - '0');
    }
    if (status < 100) return unreadable("status code is below 100");
    if (line.size() > k_code_end && line[k_code_end] != ' ') return unreadable("text after the status code");
    if (!all_are(line.substr(k_code_end), k_field)) return unreadable("control character in the reason");
    return StatusLine{*version, static_cast<Status>(status)};
}

bool never_has_content(Status status) noexcept { return status < 200 || status == 204 || status == 304; }

Parsed<void> read_content(const ConnectionFacts& facts, std::string_view method, ResponseHead& head) {
    const auto framing = read_framing(facts, head.version);
    if (!framing) return framing.error();
    head.framing = framing->framing == Framing::none ? Framing::until_close : framing->framing;
    head.length = framing->length;
    const bool content_announced = framing->framing == Framing::chunked || head.length.value_or(0) > 0;
    const bool tunnel = method == "CONNECT" && head.status >= 200 && head.status < 300;
    if (tunnel || method == "HEAD" || never_has_content(head.status)) head.framing = Framing::none;
    // A sender that announces what cannot come may send it all the same.
    const bool contradiction = content_announced && (head.status < 200 || head.status == 204);
    if (contradiction && head.status < 200) return unreadable("interim response with content");
    if (contradiction || head.framing == Framing::until_close) head.keep_alive = false;
    return {};
}

void read_switch(const ConnectionFacts& facts, ResponseHead& head) {
    if (head.status != 101) return;
    head.switched = true;
    head.keep_alive = false;
    head.upgrade = facts.upgrade.value;
    if (facts.websocket_accept.count == 1) head.websocket_accept = facts.websocket_accept.value;
}

Parsed<std::optional<ResponseHead>> read_head(const HeadText& text, std::string_view method, std::size_t lines) {
    const auto line = read_status_line(text.start_line);
    if (!line) return line.error();
    std::optional<ResponseHead> result{std::in_place};
    ResponseHead& head = *result;
    ConnectionFacts facts;
    head.fields.reserve(lines, text.field_lines.size());
    if (auto read = read_fields(text.field_lines, HeadKind::response, head.fields, facts); !read) return read.error();
    head.version = line->version;
    head.status = line->status;
    head.bytes = text.bytes;
    head.keep_alive = facts.keeps_alive(line->version);
    if (auto read = read_content(facts, method, head); !read) return read.error();
    read_switch(facts, head);
    return result;
}

}  // namespace

Parsed<std::optional<ResponseHead>> parse_response_head(std::string_view buffer, std::string_view request_method,
                                                        const HeadLimits& limits, HeadScan& scan) {
    const auto text = find_head(buffer, HeadKind::response, limits, scan);
    if (!text) return unreadable(text.error());
    if (!*text) return std::optional<ResponseHead>{};
    auto head = read_head(**text, request_method, scan.lines);
    if (!head) return unreadable(head.error());
    return head;
}

}  // namespace longshore::http::h1

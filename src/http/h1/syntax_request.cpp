#include "http/characters.hpp"
#include "http/h1/syntax.hpp"
#include "http/h1/syntax_lines.hpp"
#include "http/h1/syntax_websocket.hpp"

#include <algorithm>

namespace longshore::http::h1 {
namespace {

ParseFailure bad(std::string_view why) { return {400, why}; }

struct RequestLine {
    std::string_view method;
    std::string_view target;
    Version version = Version::http1_1;
};

Parsed<RequestLine> read_request_line(std::string_view line) {
    const auto first = line.find(' ');
    if (first == std::string_view::npos) return bad("request line has no target");
    const auto second = line.find(' ', first + 1);
    if (second == std::string_view::npos) return bad("request line has no version");
    const auto version = read_version(line.substr(second + 1));
    if (!version) return version.error();
    const RequestLine result{line.substr(0, first), line.substr(first + 1, second - first - 1), *version};
    if (!valid_field_name(result.method)) return bad("method is not a token");
    if (result.target.empty()) return bad("request line has no target");
    return result;
}

// Nothing: HTTP/1.0 without a Host.
Parsed<std::optional<Authority>> read_host(const Single& host, Version version, std::uint16_t default_port) {
    if (host.count == 0 && version == Version::http1_0) return std::optional<Authority>{};
    if (host.count != 1) return bad(host.count == 0 ? "no Host" : "Host more than once");
    auto authority = Authority::parse(host.value, default_port);
    if (!authority) return bad("Host is malformed");
    return std::optional(std::move(*authority));
}

// Authority-form: "host:port", the port written out.
Parsed<Target> read_tunnel_target(std::string_view scheme, std::string_view text, const ConnectionFacts& facts,
                                  Version version) {
    auto authority = Authority::parse(text, 0);
    if (!authority || authority->port == 0) return bad("CONNECT needs host:port");
    const auto host = read_host(facts.host, version, 0);
    if (!host) return host.error();
    if (*host && **host != *authority) return bad("Host is not the target's");
    Target target;
    target.scheme = scheme;
    target.authority = std::move(*authority);
    target.path.clear();
    return target;
}

Parsed<Target> read_absolute_target(std::string_view scheme, std::string_view text,
                                    const std::optional<Authority>& host) {
    auto target = Target::from_url(text);
    if (!target) return bad("malformed target");
    if (target->scheme != scheme) return bad("target's scheme is not the connection's");
    if (host && *host != target->authority) return bad("Host is not the target's");
    return std::move(*target);
}

Parsed<Target> read_target(const RequestLine& line, std::string_view scheme, const ConnectionFacts& facts) {
    if (line.method == "CONNECT") return read_tunnel_target(scheme, line.target, facts, line.version);
    auto host = read_host(facts.host, line.version, default_port(scheme));
    if (!host) return host.error();
    const bool asterisk = line.target == "*";
    if (asterisk && line.method != "OPTIONS") return bad("* is for OPTIONS");
    if (!asterisk && line.target.front() != '/') return read_absolute_target(scheme, line.target, *host);
    auto target = Target::from_path(scheme, std::move(*host).value_or(Authority{}), line.target);
    if (!target) return bad("malformed target");
    return std::move(*target);
}

Parsed<void> read_content(const ConnectionFacts& facts, RequestHead& head) {
    const auto framing = read_framing(facts, head.version);
    if (!framing) return framing.error();
    head.framing = framing->framing;
    head.length = framing->length.value_or(0);
    if (head.framing == Framing::none) return {};
    if (head.method == "CONNECT") return bad("CONNECT with content");
    if (head.method == "TRACE") return bad("TRACE with content");
    return {};
}

bool has_content(const RequestHead& head) noexcept { return head.framing == Framing::chunked || head.length > 0; }

Parsed<void> read_expectation(const ConnectionFacts& facts, RequestHead& head) {
    if (facts.expect.count == 0) return {};
    if (facts.expect.count > 1 || !same_text(facts.expect.value, "100-continue")) {
        return ParseFailure{417, "expectation is not 100-continue"};
    }
    head.expects_continue = head.version == Version::http1_1 && has_content(head);
    return {};
}

Parsed<void> read_upgrade(const ConnectionFacts& facts, RequestHead& head) {
    if (head.method == "CONNECT") head.upgrade = Upgrade::connect;
    const bool websocket = facts.websocket && facts.wants_upgrade && head.version == Version::http1_1;
    if (!websocket || head.method != "GET") return {};
    if (has_content(head)) return bad("WebSocket handshake with content");
    if (facts.websocket_version.count != 1 || facts.websocket_version.value != "13") {
        return ParseFailure{426, "WebSocket version is not 13"};
    }
    if (facts.websocket_key.count != 1 || !is_valid_websocket_key(facts.websocket_key.value)) {
        return bad("Sec-WebSocket-Key is malformed");
    }
    head.upgrade = Upgrade::websocket;
    head.websocket_key = facts.websocket_key.value;
    return {};
}

Parsed<std::optional<RequestHead>> read_head(const HeadText& text, std::string_view scheme, std::size_t lines) {
    const auto line = read_request_line(text.start_line);
    if (!line) return line.error();
    std::optional<RequestHead> result{std::in_place};
    RequestHead& head = *result;
    ConnectionFacts facts;
    head.fields.reserve(lines, text.field_lines.size());
    if (auto read = read_fields(text.field_lines, HeadKind::request, head.fields, facts); !read) return read.error();
    auto target = read_target(*line, scheme, facts);
    if (!target) return target.error();
    head.method = line->method;
    head.target = std::move(*target);
    head.version = line->version;
    head.bytes = text.bytes;
    head.keep_alive = facts.keeps_alive(line->version);
    head.accepts_trailers = facts.trailers;
    for (auto* const step : {read_content, read_expectation, read_upgrade}) {
        if (auto read = step(facts, head); !read) return read.error();
    }
    return result;
}

}  // namespace

Parsed<std::optional<RequestHead>> parse_request_head(std::string_view buffer, std::string_view scheme,
                                                      const HeadLimits& limits, HeadScan& scan) {
    const auto text = find_head(buffer, HeadKind::request, limits, scan);
    if (!text) return text.error();
    if (!*text) return std::optional<RequestHead>{};
    return read_head(**text, scheme, scan.lines);
}

}  // namespace longshore::http::h1

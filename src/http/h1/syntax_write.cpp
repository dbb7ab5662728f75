#include "http/h1/syntax_write.hpp"

#include "http/characters.hpp"
#include "http/h1/syntax_chunked.hpp"

#include <array>
#include <charconv>

namespace longshore::http::h1 {
namespace {

void append_number(std::string& out, std::uint64_t value, int base) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
    out.append(digits.data(), end);
}

// Without bytes that could end the request line or split it differently.
void append_visible(std::string& out, std::string_view text) {
    const auto visible = [](char byte) { return static_cast<unsigned char>(byte) > ' ' && byte != '\x7f'; };
    for (const char byte : text) {
        if (visible(byte)) out.push_back(byte);
    }
}

void append_train_case(std::string& out, std::string_view name) {
    const auto at = out.size();
    out.append(name);
    bool first_of_word = true;
    char* const end = out.data() + out.size();
    for (char* byte = out.data() + at; byte != end; ++byte) {
        if (first_of_word) *byte = to_upper(*byte);
        first_of_word = *byte == '-';
    }
}

void append_field(std::string& out, const FieldView& field) {
    if (!valid_field_name(field.name) || !valid_field_value(field.value)) return;
    append_train_case(out, field.name);
    out.append(": ").append(field.value).append("\r\n");
}

bool is_handshake(std::string_view name) noexcept {
    return name == "sec-websocket-key" || name == "sec-websocket-accept";
}

bool belongs_to_a_request(std::string_view name) noexcept {
    return !is_hop_by_hop(name) && !is_handshake(name) && name != "host" && name != "expect" &&
           name != "sec-websocket-version";
}

bool belongs_to_a_response(std::string_view name) noexcept { return !is_hop_by_hop(name) && !is_handshake(name); }

void append_fields(std::string& out, const Fields& fields, bool (*belongs)(std::string_view) noexcept) {
    for (const FieldView field : fields) {
        if (belongs(field.name)) append_field(out, field);
    }
}

void append_framing(std::string& out, Framing framing, std::uint64_t length) {
    if (framing == Framing::chunked) out.append("Transfer-Encoding: chunked\r\n");
    if (framing != Framing::length) return;
    out.append("Content-Length: ");
    append_number(out, length, 10);
    out.append("\r\n");
}

void append_request_target(std::string& out, std::string_view method, const Target& target) {
    if (method == "CONNECT") {
        append_visible(out, target.authority.host);
        out.push_back(':');
        append_number(out, target.port(), 10);
        return;
    }
    append_visible(out, target.path.empty() ? std::string_view("/") : std::string_view(target.path));
    if (!target.has_query) return;
    out.push_back('?');
    append_visible(out, target.query);
}

void append_host(std::string& out, std::string_view method, const Target& target) {
    out.append("Host: ");
    append_visible(out, target.authority.host);
    const std::uint16_t port = method == "CONNECT" ? target.port() : target.authority.port;
    if (port != 0) {
        out.push_back(':');
        append_number(out, port, 10);
    }
    out.append("\r\n");
}

bool usually_has_content(std::string_view method) noexcept {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

void append_websocket_request(std::string& out, std::string_view key) {
    out.append("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    append_field(out, {"Sec-WebSocket-Key", key});
}

void append_status_line(std::string& out, Status status) {
    out.append("HTTP/1.1 ");
    append_number(out, status, 10);
    out.append(" ").append(reason_phrase(status)).append("\r\n");
}

void append_persistence(std::string& out, const ResponseOut& head) {
    const bool keep_alive = head.keep_alive && head.framing != Framing::until_close;
    if (!keep_alive) out.append("Connection: close\r\n");
    if (keep_alive && head.version == Version::http1_0) out.append("Connection: keep-alive\r\n");
}

}  // namespace

void append_request_head(std::string& out, const RequestOut& head) {
    append_visible(out, head.method);
    out.push_back(' ');
    append_request_target(out, head.method, head.target);
    out.append(" HTTP/1.1\r\n");
    append_host(out, head.method, head.target);
    append_fields(out, head.fields, belongs_to_a_request);
    const bool says_empty = head.framing == Framing::none && usually_has_content(head.method);
    append_framing(out, says_empty ? Framing::length : head.framing, head.length);
    if (head.expect_continue) out.append("Expect: 100-continue\r\n");
    if (!head.websocket_key.empty()) {
        append_websocket_request(out, head.websocket_key);
    } else if (!head.keep_alive) {
        out.append("Connection: close\r\n");
    }
    out.append("\r\n");
}

void append_response_head(std::string& out, const ResponseOut& head) {
    append_status_line(out, head.status);
    if (!head.date.empty() && !head.fields.has("date")) append_field(out, {"Date", head.date});
    append_fields(out, head.fields, belongs_to_a_response);
    if (head.status >= 200 && head.status != 204) append_framing(out, head.framing, head.length);
    if (!head.websocket_accept.empty()) {
        out.append("Connection: Upgrade\r\nUpgrade: websocket\r\n");
        append_field(out, {"Sec-WebSocket-Accept", head.websocket_accept});
    } else {
        append_persistence(out, head);
    }
    out.append("\r\n");
}

void append_interim_head(std::string& out, Status status, const Fields& fields) {
    append_status_line(out, status);
    append_fields(out, fields, belongs_to_a_response);
    out.append("\r\n");
}

void append_chunk_head(std::string& out, std::uint64_t size) {
    append_number(out, size, 16);
    out.append("\r\n");
}

void append_last_chunk(std::string& out, const Fields& trailers) {
    out.append("0\r\n");
    append_fields(out, trailers, allowed_in_trailers);
    out.append("\r\n");
}

}  // namespace longshore::http::h1

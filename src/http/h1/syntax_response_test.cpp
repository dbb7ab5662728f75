#include "http/h1/syntax.hpp"

#include <gtest/gtest.h>

namespace longshore::http::h1 {
namespace {

using namespace std::string_literals;

std::string framing_text(Framing framing) {
    switch (framing) {
        case Framing::none:
            return "none";
        case Framing::length:
            return "length";
        case Framing::chunked:
            return "chunked";
        case Framing::until_close:
            return "until-close";
    }
    return "?";
}

// "200 length=5", then what is out of the ordinary, then the fields.
std::string text_of(const Parsed<std::optional<ResponseHead>>& parsed) {
    if (!parsed) return "failed " + std::to_string(parsed.error().status);
    if (!*parsed) return "more";
    const ResponseHead& head = **parsed;
    std::string text = std::to_string(head.status) + " " + framing_text(head.framing);
    if (head.length) text += "=" + std::to_string(*head.length);
    if (head.version == Version::http1_0) text += " 1.0";
    if (!head.keep_alive) text += " close";
    if (head.switched) text += " switched:" + head.upgrade + ":" + head.websocket_accept;
    for (const FieldView field : head.fields)
        text += std::string("|").append(field.name) + "=" + std::string(field.value);
    return text;
}

std::string parse(std::string_view bytes, std::string_view method = "GET", const HeadLimits& limits = {}) {
    HeadScan scan;
    return text_of(parse_response_head(bytes, method, limits, scan));
}

std::string parse_slowly(std::string_view bytes, std::string_view method = "GET", const HeadLimits& limits = {}) {
    HeadScan scan;
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const auto parsed = parse_response_head(bytes.substr(0, size), method, limits, scan);
        if (!parsed || *parsed) return text_of(parsed);
    }
    return "more";
}

std::string ok(std::string_view fields) { return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n"; }

struct Case {
    std::string bytes;
    std::string expected;
    std::string_view method = "GET";
};

void check(const std::vector<Case>& cases) {
    for (const Case& c : cases) {
        EXPECT_EQ(parse(c.bytes, c.method), c.expected) << c.bytes;
        EXPECT_EQ(parse_slowly(c.bytes, c.method), c.expected) << "slowly: " << c.bytes;
    }
}

constexpr const char* k_failed = "failed 502";

TEST(ResponseHeadGrammar, StatusLine) {
    check({
        {"HTTP/1.1 200 OK\r\n\r\n", "200 until-close close"},
        {"HTTP/1.1 200 \r\n\r\n", "200 until-close close"},
        {"HTTP/1.1 200\r\n\r\n", "200 until-close close"},
        {"HTTP/1.1 200 a \t\xc3\xa9 b\r\n\r\n", "200 until-close close"},
        {"HTTP/1.0 200 OK\r\n\r\n", "200 until-close 1.0 close"},
        {"HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n", "599 length=0"},
        {"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", "999 length=0"},
        {"HTTP/1.1 20 OK\r\n\r\n", k_failed},
        {"HTTP/1.1 2000 OK\r\n\r\n", k_failed},
        {"HTTP/1.1 099 OK\r\n\r\n", k_failed},
        {"HTTP/1.1 2x0 OK\r\n\r\n", k_failed},
        {"HTTP/1.1 -20 OK\r\n\r\n", k_failed},
        {"HTTP/1.1 +20 OK\r\n\r\n", k_failed},
        {"HTTP/1.1  200 OK\r\n\r\n", k_failed},
        {"HTTP/1.1\t200 OK\r\n\r\n", k_failed},
        {"HTTP/1.1 200\tOK\r\n\r\n", k_failed},
        {"HTTP/1.1 200OK\r\n\r\n", k_failed},
        {"HTTP/1.1200 OK\r\n\r\n", k_failed},
        {"HTTP/1.1\r\n\r\n", k_failed},
        {"HTTP/1.2 200 OK\r\n\r\n", k_failed},
        {"HTTP/2 200\r\n\r\n", k_failed},
        {"http/1.1 200 OK\r\n\r\n", k_failed},
        {"ICY 200 OK\r\n\r\n", k_failed},
        {" HTTP/1.1 200 OK\r\n\r\n", k_failed},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", k_failed},
        {"HTTP/1.1 200 OK\n\n", k_failed},
        {"HTTP/1.1 200 O\rK\r\n\r\n", k_failed},
        {"HTTP/1.1 200 O\0K\r\n\r\n"s, k_failed},
        {"HTTP/1.1 200 O\x01K\r\n\r\n", k_failed},
        {"<html>", k_failed},
        {"HTTP/1.1 200 OK\r\n", "more"},
        {"", "more"},
    });
}

TEST(ResponseHeadGrammar, Framing) {
    check({
        {ok("Content-Length: 5\r\n"), "200 length=5"},
        {ok("Content-Length: 0\r\n"), "200 length=0"},
        {ok("Transfer-Encoding: chunked\r\n"), "200 chunked"},
        {ok("Content-Length: 5\r\nConnection: close\r\n"), "200 length=5 close"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "200 length=5 1.0 close"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", "200 length=5 1.0"},
        {ok("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), k_failed},
        {ok("Content-Length: 5\r\nContent-Length: 5\r\n"), k_failed},
        {ok("Content-Length: 5, 5\r\n"), k_failed},
        {ok("Content-Length: -1\r\n"), k_failed},
        {ok("Content-Length:\r\n"), k_failed},
        {ok("Content-Length : 5\r\n"), k_failed},
        {ok("Transfer-Encoding: gzip, chunked\r\n"), k_failed},
        {ok("Transfer-Encoding: identity\r\n"), k_failed},
        {ok("Transfer-Encoding: chunked, chunked\r\n"), k_failed},
        {ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), k_failed},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", k_failed},
        {ok("Connection: content-length\r\nContent-Length: 5\r\n"), k_failed},
        {ok("A: b\r\n c\r\n"), k_failed},
        {ok("A: b\x01\r\n"), k_failed},
    });
}

TEST(ResponseHeadGrammar, ResponsesWithoutContent) {
    check({
        {ok("Content-Length: 5\r\n"), "200 none=5", "HEAD"},
        {ok("Transfer-Encoding: chunked\r\n"), "200 none", "HEAD"},
        {ok(""), "200 none", "HEAD"},
        {"HTTP/1.1 204 No Content\r\n\r\n", "204 none"},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204 none=0"},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "204 none=5 close"},
        {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "204 none close"},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 none=5"},
        {"HTTP/1.1 100 Continue\r\n\r\n", "100 none"},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", "103 none|link=x"},
        {"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", k_failed},
        {"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", k_failed},
        {ok(""), "200 none", "CONNECT"},
        {ok("Content-Length: 5\r\n"), "200 none=5", "CONNECT"},
        {"HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\n", "407 length=5", "CONNECT"},
    });
}

TEST(ResponseHeadGrammar, SwitchedProtocols) {
    check({
        {"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: abc\r\n"
         "Sec-WebSocket-Protocol: chat\r\n\r\n",
         "101 none close switched:websocket:abc|sec-websocket-protocol=chat"},
        {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nSec-WebSocket-Accept: a\r\nSec-WebSocket-Accept: a\r\n\r\n",
         "101 none close switched:x:"},
        {"HTTP/1.1 101 Switching\r\nContent-Length: 5\r\n\r\n", k_failed},
        {ok("Upgrade: h2c\r\nContent-Length: 0\r\n"), "200 length=0"},
    });
}

TEST(ResponseHeadGrammar, FieldsAreEndToEnd) {
    check({
        {ok("Content-Length: 0\r\nConnection: x-a, keep-alive\r\nX-A: 1\r\nKeep-Alive: timeout=5\r\nETag: \"e\"\r\n"),
         "200 length=0|etag=\"e\""},
        {ok("Content-Length: 0\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nTrailer: t\r\n"),
         "200 length=0|set-cookie=a|set-cookie=b|trailer=t"},
        {"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nSec-WebSocket-Version: 13\r\n\r\n",
         "426 length=0|sec-websocket-version=13"},
    });
}

TEST(ResponseHeadLimits, AreFailuresOfTheOrigin) {
    const HeadLimits limits{.line_bytes = 50, .head_bytes = 100, .field_count = 2};

    EXPECT_EQ(parse("HTTP/1.1 200 " + std::string(60, 'a') + "\r\n\r\n", "GET", limits), k_failed);
    EXPECT_EQ(parse(ok("A: " + std::string(100, 'a') + "\r\n"), "GET", limits), k_failed);
    EXPECT_EQ(parse(ok("A: b\r\nA: b\r\nA: b\r\n"), "GET", limits), k_failed);
    EXPECT_EQ(parse_slowly(ok("A: b\r\nA: b\r\nA: b\r\n"), "GET", limits), k_failed);
}

TEST(ResponseHead, TellsWhatItConsumed) {
    const std::string head = ok("Content-Length: 4\r\n");
    HeadScan scan;
    const std::string bytes = head + "body";

    const auto parsed = parse_response_head(bytes, "GET", {}, scan);

    EXPECT_EQ((*parsed)->bytes, head.size());
}

}  // namespace
}  // namespace longshore::http::h1

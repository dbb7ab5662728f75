// The grammar of request heads, as a table of payloads: each must have one reading or be refused, and the reading
// must not depend on how the bytes arrive.
#include "http/h1/syntax.hpp"

#include <gtest/gtest.h>

namespace longshore::http::h1 {
namespace {

using namespace std::string_literals;

constexpr std::string_view k_key = "dGhlIHNhbXBsZSBub25jZQ==";

std::string framing_text(const RequestHead& head) {
    if (head.framing == Framing::none) return "none";
    return head.framing == Framing::chunked ? "chunked" : "length=" + std::to_string(head.length);
}

// "GET http://h/ none", then what is out of the ordinary, then the fields.
std::string text_of(const Parsed<std::optional<RequestHead>>& parsed) {
    if (!parsed) return std::to_string(parsed.error().status);
    if (!*parsed) return "more";
    const RequestHead& head = **parsed;
    std::string text = head.method + " " + head.target.to_string() + " " + framing_text(head);
    if (head.version == Version::http1_0) text += " 1.0";
    if (!head.keep_alive) text += " close";
    if (head.expects_continue) text += " expects";
    if (head.accepts_trailers) text += " trailers";
    if (head.upgrade == Upgrade::websocket) text += " websocket";
    if (head.upgrade == Upgrade::connect) text += " connect";
    for (const FieldView field : head.fields)
        text += std::string("|").append(field.name) + "=" + std::string(field.value);
    return text;
}

std::string parse(std::string_view bytes, const HeadLimits& limits = {}, std::string_view scheme = "http") {
    HeadScan scan;
    return text_of(parse_request_head(bytes, scheme, limits, scan));
}

std::string parse_slowly(std::string_view bytes, const HeadLimits& limits = {}) {
    HeadScan scan;
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const auto parsed = parse_request_head(bytes.substr(0, size), "http", limits, scan);
        if (!parsed || *parsed) return text_of(parsed);
    }
    return "more";
}

struct Case {
    std::string bytes;
    std::string expected;
};

void check(const std::vector<Case>& cases) {
    for (const Case& c : cases) {
        EXPECT_EQ(parse(c.bytes), c.expected) << c.bytes;
        EXPECT_EQ(parse_slowly(c.bytes), c.expected) << "slowly: " << c.bytes;
        if (c.expected != "more") {
            EXPECT_EQ(parse(c.bytes + "GET /next HTTP/1.1\r\nHost: n\r\n\r\n"), c.expected) << c.bytes;
        }
    }
}

std::string get(std::string_view fields) { return "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n"; }
std::string post(std::string_view fields) { return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n"; }

const std::string k_plain = "GET http://h/ none";

TEST(RequestHeadGrammar, RequestLine) {
    check({
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", k_plain},
        {"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", k_plain},
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {" GET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"\tGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET /  HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET /\tHTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/1.1\t\r\nHost: h\r\n\r\n", "400"},
        {"GET / x HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET /\x0bHTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/1.1\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/1.1\rHost: h\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", "400"},
        {"GET\0/ HTTP/1.1\r\nHost: h\r\n\r\n"s, "400"},
        {"G\0T / HTTP/1.1\r\nHost: h\r\n\r\n"s, "400"},
        {"GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"s, "400"},
        {"GET /\r\nHost: h\r\n\r\n", "400"},
        {"GET\r\nHost: h\r\n\r\n", "400"},
        {"GET HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"/ HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GE:T / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"G\xc3\x89T / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"get / HTTP/1.1\r\nHost: h\r\n\r\n", "get http://h/ none"},
        {"X-METHOD! / HTTP/1.1\r\nHost: h\r\n\r\n", "X-METHOD! http://h/ none"},
        {"\x16\x03\x01\x02", "400"},
    });
}

TEST(RequestHeadGrammar, Version) {
    check({
        {"GET / HTTP/1.0\r\nHost: h\r\n\r\n", k_plain + " 1.0 close"},
        {"GET / HTTP/1.0\r\n\r\n", "GET http:/// none 1.0 close"},
        {"GET / HTTP/1.2\r\nHost: h\r\n\r\n", "505"},
        {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
        {"GET / HTTP/0.9\r\nHost: h\r\n\r\n", "505"},
        {"GET / HTTP/1.10\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/1\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/11\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/1,1\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/a.b\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/+1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET / http/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTPS/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/ 1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET / ICY/1.1\r\nHost: h\r\n\r\n", "400"},
    });
}

TEST(RequestHeadGrammar, TargetForms) {
    check({
        {"GET /a/%2e%2e/b?c#d HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET /a/%2e%2e/b?c HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h/b?c none"},
        {"GET /../etc HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET //x/y HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h//x/y none"},
        {"GET a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET ?a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h/a none"},
        {"GET HTTP://H:80/a HTTP/1.1\r\nHost: h.\r\n\r\n", "GET http://h/a none"},
        {"GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", k_plain},
        {"GET http://h?a HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h/?a none"},
        {"GET http://h/a HTTP/1.0\r\n\r\n", "GET http://h/a none 1.0 close"},
        {"GET http://h/a HTTP/1.1\r\n\r\n", "400"},
        {"GET http://other/a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET http://h:81/a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET https://h/a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET http://u:p@h/a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET ftp://h/a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS http://h* none"},
        {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"OPTIONS ** HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "CONNECT http://h:443 none connect"},
        {"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", "CONNECT http://h:80 none connect"},
        {"CONNECT [::1]:22 HTTP/1.1\r\nHost: [::1]:22\r\n\r\n", "CONNECT http://[::1]:22 none connect"},
        {"CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"CONNECT h:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", "400"},
        {"CONNECT /a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"CONNECT http://h:443/ HTTP/1.1\r\nHost: h:443\r\n\r\n", "400"},
        {"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nContent-Length: 5\r\n\r\n", "400"},
        {"GET h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "400"},
    });
}

TEST(RequestHeadGrammar, Host) {
    check({
        {"GET / HTTP/1.1\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h\r\nhOsT: x\r\n\r\n", "400"},
        {"GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h, x\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h x\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h/a\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h:99999\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h:8a\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: http://h\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost:h\r\n\r\n", k_plain},
        {"GET / HTTP/1.1\r\nHost: \t H.:80 \t\r\n\r\n", k_plain},
        {"GET / HTTP/1.1\r\nHost: h:5000\r\n\r\n", "GET http://h:5000/ none"},
        {"GET / HTTP/1.1\r\nX-Host: h\r\n\r\n", "400"},
        {get("Connection: host\r\n"), "400"},
    });
}

TEST(RequestHeadGrammar, FieldLines) {
    check({
        {get("A: b\r\n"), k_plain + "|a=b"},
        {get("A:b\r\n"), k_plain + "|a=b"},
        {get("A: \t b c \t \r\n"), k_plain + "|a=b c"},
        {get("A:\r\n"), k_plain + "|a="},
        {get("A:   \r\n"), k_plain + "|a="},
        {get("A: b\r\na: c\r\n"), k_plain + "|a=b|a=c"},
        {get("A: b:c\r\n"), k_plain + "|a=b:c"},
        {get("A: \xc3\xa9\r\n"), k_plain + "|a=\xc3\xa9"},
        {get("A : b\r\n"), "400"},
        {get("A\t: b\r\n"), "400"},
        {get(" A: b\r\n"), "400"},
        {get("\tA: b\r\n"), "400"},
        {get("A: b\r\n c\r\n"), "400"},
        {get("A: b\r\n\tc\r\n"), "400"},
        {get("A: b\r\n \r\n"), "400"},
        {get(": b\r\n"), "400"},
        {get("A\r\n"), "400"},
        {get("A b\r\n"), "400"},
        {get("A B: c\r\n"), "400"},
        {get("A(: b\r\n"), "400"},
        {get("A\xc3\xa9: b\r\n"), "400"},
        {get("A\0: b\r\n"s), "400"},
        {get("A: b\0c\r\n"s), "400"},
        {get("A: b\rc\r\n"), "400"},
        {get("A: b\r\r\n"), "400"},
        {get("A: b\nC: d\r\n"), "400"},
        {get("A: b\n\r\n"), "400"},
        {get("A: \x01\r\n"), "400"},
        {get("A: b\x7f\r\n"), "400"},
        {get("A: b\x0b\r\n"), "400"},
        {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h\n\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h\r\n\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: h\r\n", "more"},
        {"GET / HTTP/1.1\r\nHost: h\r\n\r", "more"},
        {"", "more"},
        {"\r\n", "more"},
        {"G", "more"},
    });
}

TEST(RequestHeadGrammar, ContentLength) {
    const auto length = [](std::string_view value) { return post("Content-Length: " + std::string(value) + "\r\n"); };
    check({
        {length("0"), "POST http://h/ length=0"},
        {length("5"), "POST http://h/ length=5"},
        {length("0005"), "POST http://h/ length=5"},
        {length("9223372036854775807"), "POST http://h/ length=9223372036854775807"},
        {length("9223372036854775808"), "400"},
        {length("18446744073709551616"), "400"},
        {length("99999999999999999999999999"), "400"},
        {length("00000000000000000005"), "400"},
        {length(""), "400"},
        {length("-1"), "400"},
        {length("-0"), "400"},
        {length("+5"), "400"},
        {length("5 "), "POST http://h/ length=5"},
        {length("5 5"), "400"},
        {length("5,5"), "400"},
        {length("5, 6"), "400"},
        {length("5;"), "400"},
        {length("0x5"), "400"},
        {length("5_0"), "400"},
        {length("5.0"), "400"},
        {length("5e1"), "400"},
        {length("\"5\""), "400"},
        {length("a"), "400"},
        {length("\x0b"
                "5"),
         "400"},
        {length("5\0"s), "400"},
        {length("\xd9\xa5"), "400"},
        {post("Content-Length: 5\r\nContent-Length: 5\r\n"), "400"},
        {post("Content-Length: 5\r\ncontent-length: 6\r\n"), "400"},
        {post("Content-Length : 5\r\n"), "400"},
        {post("Content-Length\t: 5\r\n"), "400"},
        {post("Content-Length: 5\r\n 6\r\n"), "400"},
        {post("Content-Length:5\r\nConnection: content-length\r\n"), "400"},
        {post("Content_Length: 5\r\n"), "POST http://h/ none|content_length=5"},
        {post("Content-Lengthx: 5\r\n"), "POST http://h/ none|content-lengthx=5"},
        {get("Content-Length: 5\r\n"), "GET http://h/ length=5"},
        {"TRACE / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", "400"},
    });
}

TEST(RequestHeadGrammar, TransferEncoding) {
    const auto coding = [](std::string_view value) {
        return post("Transfer-Encoding: " + std::string(value) + "\r\n");
    };
    check({
        {coding("chunked"), "POST http://h/ chunked"},
        {coding("CHUNKED"), "POST http://h/ chunked"},
        {coding("\tchunked \t"), "POST http://h/ chunked"},
        {coding("gzip, chunked"), "501"},
        {coding("chunked, gzip"), "501"},
        {coding("identity"), "501"},
        {coding("xchunked"), "501"},
        {coding("chunkedx"), "501"},
        {coding("gzip"), "501"},
        {coding("chunked, chunked"), "400"},
        {coding("chunked,"), "400"},
        {coding(",chunked"), "400"},
        {coding(""), "400"},
        {coding("chunked;q=1"), "400"},
        {coding("chunked ;a"), "400"},
        {coding("\"chunked\""), "400"},
        {coding("chunk ed"), "400"},
        {coding("\x0b"
                "chunked"),
         "400"},
        {coding("chunked\0"s), "400"},
        {coding("chunked\rx"), "400"},
        {coding("\xe1\xb8\x89hunked"), "400"},
        {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "400"},
        {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), "400"},
        {post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), "400"},
        {post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "400"},
        {post("Content-Length: 5\r\nTransfer-Encoding: identity\r\n"), "400"},
        {post("Content-Length: 5\r\nTransfer-Encoding:\r\n"), "400"},
        {post("Transfer-Encoding : chunked\r\nContent-Length: 5\r\n"), "400"},
        {post("Transfer-Encoding\r\n : chunked\r\n"), "400"},
        {post("Transfer-Encoding:\r\n chunked\r\n"), "400"},
        {post("X: y\nTransfer-Encoding: chunked\r\n"), "400"},
        {post("X: y\rTransfer-Encoding: chunked\r\n"), "400"},
        {post("\rTransfer-Encoding: chunked\r\n"), "400"},
        {post("Transfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n"), "400"},
        {"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
        {get("Transfer-Encoding: chunked\r\n"), "GET http://h/ chunked"},
    });
}

TEST(RequestHeadGrammar, ConnectionAndWhatItNames) {
    check({
        {get("Connection: close\r\n"), k_plain + " close"},
        {get("Connection: keep-alive\r\n"), k_plain},
        {get("Connection: keep-alive, close\r\n"), k_plain + " close"},
        {get("Connection: x\r\nConnection: CLOSE\r\n"), k_plain + " close"},
        {get("Connection:\r\n"), k_plain},
        {get("Connection: ,,\r\n"), k_plain},
        {get("Connection: a b\r\n"), "400"},
        {get("Connection: \"close\"\r\n"), "400"},
        {get("Connection: X-A\r\nX-A: 1\r\nX-B: 2\r\n"), k_plain + "|x-b=2"},
        {get("X-A: 1\r\nX-B: 2\r\nConnection: x-a\r\n"), k_plain + "|x-b=2"},
        {get("Authorization: a\r\nConnection: authorization\r\n"), k_plain},
        {get("Keep-Alive: 1\r\nProxy-Connection: keep-alive\r\nHTTP2-Settings: x\r\nA: b\r\n"), k_plain + "|a=b"},
        {get("Trailer: X\r\n"), k_plain + "|trailer=X"},
        {get("TE: trailers\r\nConnection: TE\r\n"), k_plain + " trailers"},
        {get("TE: gzip;q=0.5, Trailers\r\n"), k_plain + " trailers"},
        {get("TE: gzip\r\n"), k_plain},
        {"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", k_plain + " 1.0"},
        {"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive, close\r\n\r\n", k_plain + " 1.0 close"},
        {"GET / HTTP/1.0\r\nHost: h\r\nProxy-Connection: keep-alive\r\n\r\n", k_plain + " 1.0 close"},
    });
}

TEST(RequestHeadGrammar, Expect) {
    check({
        {post("Expect: 100-continue\r\nContent-Length: 5\r\n"), "POST http://h/ length=5 expects"},
        {post("Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n"), "POST http://h/ chunked expects"},
        {post("Expect: 100-continue\r\nContent-Length: 0\r\n"), "POST http://h/ length=0"},
        {get("Expect: 100-continue\r\n"), k_plain},
        {post("Expect: 100-continue, x\r\nContent-Length: 5\r\n"), "417"},
        {post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n"), "417"},
        {post("Expect: 200-ok\r\n"), "417"},
        {post("Expect:\r\n"), "417"},
        {"POST / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
         "POST http://h/ length=5 1.0 close"},
    });
}

TEST(RequestHeadGrammar, WebSocketHandshake) {
    const auto handshake = [](std::string_view key, std::string_view version, std::string_view more = "") {
        return get("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: " + std::string(key) +
                   "\r\nSec-WebSocket-Version: " + std::string(version) + "\r\n" + std::string(more));
    };
    check({
        {handshake(k_key, "13"), k_plain + " websocket"},
        {handshake(k_key, "13", "Sec-WebSocket-Protocol: chat\r\n"),
         k_plain + " websocket|sec-websocket-protocol=chat"},
        {handshake(k_key, "13", "Content-Length: 0\r\n"), "GET http://h/ length=0 websocket"},
        {handshake(k_key, "13", "Content-Length: 5\r\n"), "400"},
        {handshake(k_key, "13", "Transfer-Encoding: chunked\r\n"), "400"},
        {handshake(k_key, "12"), "426"},
        {handshake(k_key, "13", "Sec-WebSocket-Version: 13\r\n"), "426"},
        {handshake("", "13"), "400"},
        {handshake("dGhlIHNhbXBsZSBub25jZQ", "13"), "400"},
        {handshake("dGhlIHNhbXBsZSBub25jZQ=!", "13"), "400"},
        {handshake(k_key, "13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), "400"},
        {get("Upgrade: websocket\r\n"), k_plain},
        {get("Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"), k_plain},
        {get("Connection: upgrade\r\n"), k_plain},
        {post("Connection: upgrade\r\nUpgrade: websocket\r\n"), "POST http://h/ none"},
        {"GET / HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", k_plain + " 1.0 close"},
    });
}

TEST(RequestHead, TellsWhatItConsumed) {
    const std::string head = "\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n";
    HeadScan scan;
    const std::string bytes = head + "bodyGET / HTTP/1.1\r\n";

    const auto parsed = parse_request_head(bytes, "http", {}, scan);

    EXPECT_EQ((*parsed)->bytes, head.size());
}

TEST(RequestHead, KeepsTheWebSocketKeyBesideTheFields) {
    HeadScan scan;
    const auto bytes =
        get("Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
            std::string(k_key) + "\r\n");

    const auto parsed = parse_request_head(bytes, "http", {}, scan);

    EXPECT_EQ((*parsed)->websocket_key, k_key);
    EXPECT_TRUE((*parsed)->fields.empty());
}

TEST(RequestHead, AgreesWithTheSchemeOfTheConnection) {
    const std::string absolute = "GET https://h/ HTTP/1.1\r\nHost: h:443\r\n\r\n";

    EXPECT_EQ(parse(absolute, {}, "https"), "GET https://h/ none");
    EXPECT_EQ(parse(absolute, {}, "http"), "400");
}

TEST(RequestHeadLimits, HoldForTheRequestLine) {
    const HeadLimits limits{.line_bytes = 100, .head_bytes = 1000, .field_count = 10};
    const auto line_of = [](std::size_t bytes) {
        return "GET /" + std::string(bytes - 14, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
    };

    EXPECT_TRUE(parse(line_of(100), limits).starts_with("GET"));
    EXPECT_EQ(parse(line_of(101), limits), "414");
    EXPECT_EQ(parse_slowly(line_of(101), limits), "414");
    EXPECT_EQ(parse_slowly("GET /" + std::string(10'000, 'a'), limits), "414");
    EXPECT_EQ(parse("GET /" + std::string(64 * 1024, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"), "414");
}

TEST(RequestHeadLimits, HoldForTheWholeHead) {
    const HeadLimits limits{.line_bytes = 100, .head_bytes = 200, .field_count = 10};
    const std::string empty = get("A: \r\n");
    const auto head_of = [&](std::size_t bytes) {
        return get("A: " + std::string(bytes - empty.size(), 'x') + "\r\n");
    };

    EXPECT_TRUE(parse(head_of(200), limits).starts_with("GET"));
    EXPECT_TRUE(parse_slowly(head_of(200), limits).starts_with("GET"));
    EXPECT_EQ(parse(head_of(201), limits), "431");
    EXPECT_EQ(parse_slowly(head_of(201), limits), "431");
}

TEST(RequestHeadLimits, HoldForTheNumberOfFields) {
    const auto head_of = [](std::size_t fields) {
        std::string lines;
        for (std::size_t i = 1; i < fields; ++i) lines += "A: b\r\n";
        return get(lines);
    };

    EXPECT_TRUE(parse(head_of(200)).starts_with("GET"));
    EXPECT_EQ(parse(head_of(201)), "431");
    EXPECT_EQ(parse_slowly(head_of(201)), "431");
    EXPECT_EQ(parse(head_of(10'000)), "431");
}

TEST(RequestHeadLimits, HoldForConnectionOptions) {
    std::string options = "Connection: o0";
    for (int i = 1; i < 32; ++i) options += ",o" + std::to_string(i);

    EXPECT_EQ(parse(get(options + "\r\n")), k_plain);
    EXPECT_EQ(parse(get(options + ",o32\r\n")), "400");
}

// Work, not time: every byte is searched once, because the search goes on where it stopped.
TEST(RequestHead, IsSearchedOnceHoweverSlowlyItArrives) {
    const std::string bytes = get("A: " + std::string(30'000, 'x'));
    HeadScan scan;
    std::size_t looked_at = 0;

    for (std::size_t size = 1; size <= bytes.size() - 1; ++size) {
        const std::size_t before = scan.scanned;
        ASSERT_FALSE(*parse_request_head(std::string_view(bytes).substr(0, size), "http", {}, scan));
        looked_at += size - before;
        ASSERT_EQ(scan.scanned, size);
    }

    EXPECT_EQ(looked_at, bytes.size() - 1);
}

}  // namespace
}  // namespace longshore::http::h1

#include "http/h1/syntax_write.hpp"

#include "http/h1/syntax_chunked.hpp"
#include "http/h1/syntax_websocket.hpp"

#include <gtest/gtest.h>

namespace longshore::http::h1 {
namespace {

using namespace std::string_literals;

Target target(std::string_view url) { return *Target::from_url(url); }

std::string request(const RequestOut& head) {
    std::string out;
    append_request_head(out, head);
    return out;
}
std::string response(const ResponseOut& head) {
    std::string out;
    append_response_head(out, head);
    return out;
}

TEST(RequestWriter, WritesOriginFormWithHostFirst) {
    const auto to = target("http://h:5000/a?b");
    Fields fields;
    fields.add("docker-content-digest", "sha256:ab");
    fields.add("etag", "x");

    EXPECT_EQ(request({.method = "GET", .target = to, .fields = fields}),
              "GET /a?b HTTP/1.1\r\nHost: h:5000\r\nDocker-Content-Digest: sha256:ab\r\nEtag: x\r\n\r\n");
}

TEST(RequestWriter, WritesFramingFromTheFacts) {
    const auto to = target("http://h/");
    const Fields none;

    EXPECT_EQ(request({.method = "POST", .target = to, .fields = none, .framing = Framing::length, .length = 12}),
              "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\n");
    EXPECT_EQ(request({.method = "POST", .target = to, .fields = none, .framing = Framing::chunked}),
              "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_EQ(request({.method = "PUT", .target = to, .fields = none}),
              "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(request({.method = "DELETE", .target = to, .fields = none, .keep_alive = false, .expect_continue = true}),
              "DELETE / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
}

TEST(RequestWriter, SkipsFieldsThatTheHopOwns) {
    const auto to = target("http://h/");
    Fields fields;
    for (const std::string_view name : {"host", "content-length", "transfer-encoding", "connection", "upgrade",
                                        "expect", "te", "keep-alive", "sec-websocket-key", "sec-websocket-version"}) {
        fields.add(name, "1");
    }

    EXPECT_EQ(request({.method = "GET", .target = to, .fields = fields}), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(RequestWriter, WritesTheOtherTargetForms) {
    const Fields none;
    Target tunnel;
    tunnel.authority = {"h", 443};
    tunnel.path.clear();
    Target asterisk;
    asterisk.authority = {"h", 0};
    asterisk.path = "*";

    EXPECT_EQ(request({.method = "CONNECT", .target = tunnel, .fields = none}),
              "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
    EXPECT_EQ(request({.method = "OPTIONS", .target = asterisk, .fields = none}),
              "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(RequestWriter, AsksForAWebSocket) {
    const auto to = target("http://h/");
    const Fields none;
    const std::string key = make_websocket_key();

    const std::string bytes = request({.method = "GET", .target = to, .fields = none, .websocket_key = key});

    HeadScan scan;
    const auto parsed = parse_request_head(bytes, "http", {}, scan);
    ASSERT_TRUE(parsed && *parsed) << bytes;
    EXPECT_EQ((*parsed)->upgrade, Upgrade::websocket);
    EXPECT_EQ((*parsed)->websocket_key, key);
}

TEST(ResponseWriter, WritesReasonDateFieldsAndFraming) {
    Fields fields;
    fields.add("content-type", "text/plain");

    EXPECT_EQ(response({.status = 404,
                        .fields = fields,
                        .framing = Framing::length,
                        .length = 9,
                        .date = "Sun, 06 Nov 1994 08:49:37 GMT"}),
              "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
              "Content-Length: 9\r\n\r\n");
}

TEST(ResponseWriter, KeepsTheDateOfTheOrigin) {
    Fields fields;
    fields.add("date", "x");

    EXPECT_EQ(response({.fields = fields, .date = "y"}), "HTTP/1.1 200 OK\r\nDate: x\r\n\r\n");
}

TEST(ResponseWriter, SaysHowTheConnectionGoesOn) {
    const Fields none;

    EXPECT_EQ(response({.fields = none, .framing = Framing::chunked}),
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_EQ(response({.fields = none, .framing = Framing::length, .keep_alive = false}),
              "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(response({.fields = none, .framing = Framing::length, .version = Version::http1_0}),
              "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(response({.fields = none, .framing = Framing::until_close}),
              "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

TEST(ResponseWriter, NeverFramesWhatHasNoContent) {
    const Fields none;

    EXPECT_EQ(response({.status = 204, .fields = none, .framing = Framing::length, .length = 5}),
              "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(response({.status = 304, .fields = none}), "HTTP/1.1 304 Not Modified\r\n\r\n");
}

TEST(ResponseWriter, AcceptsAWebSocket) {
    const Fields none;
    const std::string bytes = response({.status = 101, .fields = none, .websocket_accept = "abc"});

    EXPECT_EQ(bytes,
              "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              "Sec-WebSocket-Accept: abc\r\n\r\n");
}

TEST(ResponseWriter, LeavesOutFieldsThatCouldSplitTheMessage) {
    Fields fields;
    fields.add("a", "b\r\nset-cookie: x");
    fields.add("b", "c\nd");
    fields.add("c", "d\0e"s);
    fields.add("d e", "f");
    fields.add("f:\r\ng", "h");
    fields.add("", "i");
    fields.add("kept", "yes");

    EXPECT_EQ(response({.fields = fields}), "HTTP/1.1 200 OK\r\nKept: yes\r\n\r\n");
}

TEST(RequestWriter, DropsBytesThatCouldSplitTheRequestLine) {
    Target to;
    to.authority.host = "h\r\nx: y";
    to.path = "/a HTTP/1.1\r\n\r\nGET /b";
    const Fields none;

    EXPECT_EQ(request({.method = "G E\r\nT", .target = to, .fields = none}),
              "GET /aHTTP/1.1GET/b HTTP/1.1\r\nHost: hx:y\r\n\r\n");
}

TEST(InterimWriter, WritesNoFraming) {
    Fields fields;
    fields.add("link", "</a>");
    std::string out;

    append_interim_head(out, 103, fields);
    append_interim_head(out, 100, {});

    EXPECT_EQ(out, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
}

TEST(ChunkWriter, WritesWhatTheDecoderReads) {
    Fields trailers;
    trailers.add("grpc-status", "0");
    trailers.add("content-length", "5");
    std::string out;

    append_chunk_head(out, 26);
    out.append(26, 'x').append("\r\n");
    append_last_chunk(out, trailers);

    EXPECT_EQ(out, "1a\r\n" + std::string(26, 'x') + "\r\n0\r\nGrpc-Status: 0\r\n\r\n");
}

TEST(WebSocketKey, AnswersAsTheRfcExampleDoes) {
    EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketKey, IsSixteenBytesAndNeverTheSame) {
    const std::string key = make_websocket_key();

    EXPECT_TRUE(is_valid_websocket_key(key));
    EXPECT_NE(key, make_websocket_key());
    for (const std::string_view bad :
         {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25j====",
          "dGhlIHNhbXBsZSBub25j ZQ==", "dGhlIHNhbXBsZSBub25-ZQ=="}) {
        EXPECT_FALSE(is_valid_websocket_key(bad)) << bad;
    }
}

}  // namespace
}  // namespace longshore::http::h1

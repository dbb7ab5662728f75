#include "http/h1/syntax_chunked.hpp"

#include <gtest/gtest.h>

namespace longshore::http::h1 {
namespace {

using namespace std::string_literals;

struct Outcome {
    std::string text;  // "body|name=value", "400", or "more"
    std::size_t consumed = 0;
};

Outcome decode(std::string_view input, std::size_t piece) {
    ChunkedDecoder decoder;
    std::string body;
    std::size_t at = 0;
    while (at < input.size()) {
        const auto step = decoder.feed(input.substr(at, piece));
        if (!step) return {std::to_string(step.error().status), at};
        body.append(step->data);
        at += step->consumed;
        if (!step->done) continue;
        for (const FieldView field : decoder.take_trailers()) {
            body.append("|").append(field.name).append("=").append(field.value);
        }
        return {body, at};
    }
    return {"more", at};
}

struct Case {
    std::string input;
    std::string expected;
};

void check(const std::vector<Case>& cases) {
    for (const Case& c : cases) {
        for (const std::size_t piece : {std::size_t{100'000}, std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
            EXPECT_EQ(decode(c.input, piece).text, c.expected) << c.input << " in pieces of " << piece;
        }
    }
}

TEST(ChunkedDecoder, JoinsChunks) {
    check({
        {"0\r\n\r\n", ""},
        {"5\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
        {"a\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
        {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
        {"0000000000000005\r\nhello\r\n0000\r\n\r\n", "hello"},
        {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
        {"5\r\nhello\r\n0\r\n", "more"},
        {"5\r\nhel", "more"},
        {"", "more"},
    });
}

TEST(ChunkedDecoder, RefusesSizesWithTwoReadings) {
    for (const std::string& size : {""s,
                                    " 5"s,
                                    "5 "s,
                                    "\t5"s,
                                    "5\t"s,
                                    "0x5"s,
                                    "0X5"s,
                                    "5_0"s,
                                    "+5"s,
                                    "-5"s,
                                    "5.0"s,
                                    "g"s,
                                    "5h"s,
                                    "00000000000000005"s,
                                    "ffffffffffffffff"s,
                                    "8000000000000000"s,
                                    "fffffffffffffffff"s,
                                    "\"5\""s,
                                    "5,5"s,
                                    "5\0"s,
                                    "\0005"s,
                                    "5\x0b"s,
                                    "\xef\xbc\x95"s}) {
        check({{size + "\r\nhello\r\n0\r\n\r\n", "400"}});
    }
}

TEST(ChunkedDecoder, RefusesLineEndsOtherThanCrLf) {
    check({
        {"5\nhello\r\n0\r\n\r\n", "400"},
        {"5\rhello\r\n0\r\n\r\n", "400"},
        {"5\r\rhello\r\n0\r\n\r\n", "400"},
        {"5\r\nhello\n0\r\n\r\n", "400"},
        {"5\r\nhello\r0\r\n\r\n", "400"},
        {"5\r\nhello0\r\n\r\n", "400"},
        {"5\r\nhelloXX0\r\n\r\n", "400"},
        {"5\r\nhello!\r\n0\r\n\r\n", "400"},
        {"6\r\nhello\r\n0\r\n\r\n", "400"},
        {"0\n\r\n", "400"},
        {"0\r\n\n", "400"},
        {"0\r\n\r\r\n", "400"},
        {"\r\n5\r\nhello\r\n0\r\n\r\n", "400"},
        {"5\r\nhello\r\n\r\n0\r\n\r\n", "400"},
    });
}

TEST(ChunkedDecoder, ChecksExtensionsAndDropsThem) {
    check({
        {"5;a\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello"},
        {"5;a=\"b;c \\\" d\";e=f;g\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5;a=\"\"\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5;\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;;a\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;a=\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;=b\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;a==b\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;a=b=c\r\nhello\r\n0\r\n\r\n", "400"},
        {"5 ;a\r\nhello\r\n0\r\n\r\n", "400"},
        {"5; a\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;a =b\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;a b\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;a=\"b\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;a=\"\\\r\n\"\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;a\n\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;a\rb\r\nhello\r\n0\r\n\r\n", "400"},
        {"5;a\0\r\nhello\r\n0\r\n\r\n"s, "400"},
        {"5;\xc3\xa9\r\nhello\r\n0\r\n\r\n", "400"},
    });
}

TEST(ChunkedDecoder, BoundsExtensionsOverTheWholeBody) {
    std::string flood;
    for (int i = 0; i < 1000; ++i) flood += "1;a\r\nx\r\n";
    std::string big_chunks;
    for (int i = 0; i < 1000; ++i) big_chunks += "400;a=b\r\n" + std::string(0x400, 'x') + "\r\n";

    EXPECT_EQ(decode("1;" + std::string(2000, 'a') + "\r\nx\r\n0\r\n\r\n", 100'000).text, "400");
    EXPECT_EQ(decode(flood + "0\r\n\r\n", 100'000).text, "400");
    EXPECT_EQ(decode(big_chunks + "0\r\n\r\n", 100'000).text.size(), 1000u * 0x400);
}

TEST(ChunkedDecoder, ReadsTrailers) {
    check({
        {"0\r\nGrpc-Status: 0\r\nX-A:b\r\n\r\n", "|grpc-status=0|x-a=b"},
        {"0\r\nA:\r\n\r\n", "|a="},
        {"0\r\nA : b\r\n\r\n", "400"},
        {"0\r\n A: b\r\n\r\n", "400"},
        {"0\r\nA: b\r\n c\r\n\r\n", "400"},
        {"0\r\nA: b\nC: d\r\n\r\n", "400"},
        {"0\r\nA: b\rC: d\r\n\r\n", "400"},
        {"0\r\nA\r\n\r\n", "400"},
        {"0\r\nA: \x01\r\n\r\n", "400"},
        {"0\r\nA: \0\r\n\r\n"s, "400"},
        {"0\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
    });
}

TEST(ChunkedDecoder, DropsTrailersThatMayNotComeLate) {
    check(
        {{"0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\nHost: x\r\nAuthorization: a\r\nCookie: c\r\n"
          "X-Forwarded-For: 1\r\nConnection: X\r\nTE: x\r\nTrailer: t\r\nContent-Type: t\r\nSet-Cookie: s\r\n"
          "Sec-WebSocket-Key: k\r\nX: kept\r\n\r\n",
          "|x=kept"}});
}

TEST(ChunkedDecoder, BoundsTrailers) {
    const std::string long_one = "0\r\nA: " + std::string(9000, 'x');
    std::string many = "0\r\n";
    for (int i = 0; i < 101; ++i) many += "A: b\r\n";

    for (const std::size_t piece : {std::size_t{1}, std::size_t{100'000}}) {
        EXPECT_EQ(decode(long_one, piece).text, "431");
        EXPECT_EQ(decode(long_one + "\r\n\r\n", piece).text, "431");
        EXPECT_EQ(decode(many + "\r\n", piece).text, "431");
    }
}

TEST(ChunkedDecoder, LeavesWhatFollowsTheBody) {
    const std::string body = "5\r\nhello\r\n0\r\nA: b\r\n\r\n";

    EXPECT_EQ(decode(body + "GET / HTTP/1.1\r\n", 100'000).consumed, body.size());
    EXPECT_EQ(decode(body + "GET / HTTP/1.1\r\n", 1).consumed, body.size());
}

TEST(ChunkedDecoder, GivesViewsIntoItsInput) {
    ChunkedDecoder decoder;
    const std::string input = "a\r\nhello";

    const auto step = decoder.feed(input);

    EXPECT_EQ(step->data.data(), input.data() + 3);
    EXPECT_EQ(step->data, "hello");
    EXPECT_EQ(step->consumed, input.size());
    EXPECT_EQ(decoder.chunk_left(), 5u);
}

}  // namespace
}  // namespace longshore::http::h1

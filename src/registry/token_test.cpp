#include "registry/token.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

using namespace std::chrono_literals;

TEST(Token, IsTakenFromEitherField) {
    EXPECT_EQ(parse_token(R"({"token":"abc"})")->value, "abc");
    EXPECT_EQ(parse_token(R"({"access_token":"abc"})")->value, "abc");
    EXPECT_EQ(parse_token(R"({"token":"","access_token":"abc"})")->value, "abc");
    EXPECT_EQ(parse_token(R"({"access_token":"b","token":"a"})")->value, "a");
    EXPECT_EQ(parse_token(R"({"token":7,"access_token":"abc"})")->value, "abc");
}

TEST(Token, LivesAMinuteWhenTheAnswerDoesNotSay) {
    for (const auto* answer :
         {R"({"token":"a"})", R"({"token":"a","expires_in":null})", R"({"token":"a","expires_in":"x"})",
          R"({"token":"a","issued_at":"2000-01-01T00:00:00Z"})"}) {
        EXPECT_EQ(parse_token(answer)->life, 60s) << answer;
    }
}

TEST(Token, LivesAsLongAsTheAnswerSaysWithinReason) {
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":300})")->life, 300s);
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":300.7})")->life, 300s);
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":0})")->life, 60s);
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":-5})")->life, 60s);
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":1e300})")->life, 24h);
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":18446744073709551615})")->life, 24h);
}

TEST(Token, LivesAMinuteWhenTheLifeIsNoNumberAfterAll) {
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":0e8446744073709523648})")->life, 60s);
}

TEST(Token, IsRefreshedAtFourFifthsOfItsLife) {
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":300})")->refresh_after(), 240s);
}

TEST(Token, IsRefusedWhenTheAnswerIsNotOne) {
    for (const auto* answer : {"", "null", "[]", "{}", "<html>", R"({"token":""})", R"({"token":"a)",
                               R"({"token":null})", R"({"token":"a"} x)", R"({"token":{"token":"a"}})"}) {
        const auto token = parse_token(answer);
        ASSERT_FALSE(token) << answer;
        EXPECT_EQ(token.error().code, Errc::invalid) << answer;
    }
}

TEST(Token, IsRefusedWhenItWouldBreakAHeader) {
    for (const auto* answer : {R"({"token":"a\r\nX: y"})", R"({"token":"a b"})", R"({"token":"a\u0000"})",
                               R"({"token":"\u00e4"})", R"({"token":"a\t"})"}) {
        EXPECT_FALSE(parse_token(answer)) << answer;
    }
}

TEST(Token, AnswersAreBounded) {
    const auto big = R"({"token":")" + std::string(k_largest_token_answer, 'a') + R"("})";
    const auto deep = R"({"token":"a","x":)" + std::string(9, '[') + std::string(9, ']') + "}";

    EXPECT_EQ(parse_token(big).error().code, Errc::too_large);
    EXPECT_EQ(parse_token(deep).error().code, Errc::invalid);
}

TEST(Token, NeverStandsInAnErrorText) {
    const auto refused = parse_token(R"({"token":"s3cret value"})");

    EXPECT_EQ(refused.error().where.find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace longshore::registry

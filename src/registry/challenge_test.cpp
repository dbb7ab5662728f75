#include "registry/challenge.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

using Params = std::vector<std::pair<std::string, std::string>>;

Challenge only(std::string_view value) {
    auto found = parse_challenges(value);
    EXPECT_EQ(found.size(), 1U) << value;
    return found.empty() ? Challenge{} : std::move(found.front());
}

RepositoryName name(std::string_view text) { return RepositoryName::parse(text).value(); }

http::Target target(std::string_view url) { return http::Target::from_url(url).value(); }

TEST(Challenge, OfDockerHubIsRead) {
    const auto challenge = only(
        R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull")");

    EXPECT_EQ(challenge.scheme, "bearer");
    EXPECT_EQ(challenge.params, (Params{{"realm", "https://auth.docker.io/token"},
                                        {"service", "registry.docker.io"},
                                        {"scope", "repository:library/alpine:pull"}}));
}

TEST(Challenge, MayBeSpelledInManyWays) {
    for (const auto* spelling : {R"(Bearer realm="u",service="s",scope="a:b:pull,push")",
                                 R"(bearer scope="a:b:pull,push", service=s , realm="u")",
                                 "BEARER\t realm = \"u\" ,\tSERVICE=\"s\",,Scope=\"a:b:pull,push\",",
                                 R"(,, Bearer Realm="\u",service="\s",scope="a:b:pull\,push")"}) {
        const auto challenge = only(spelling);
        EXPECT_EQ(challenge.scheme, "bearer") << spelling;
        EXPECT_EQ(challenge.param("realm"), "u") << spelling;
        EXPECT_EQ(challenge.param("service"), "s") << spelling;
        EXPECT_EQ(challenge.param("scope"), "a:b:pull,push") << spelling;
    }
}

TEST(Challenge, KeepsQuotesAndBackslashesThatWereEscaped) {
    EXPECT_EQ(only(R"(Bearer realm="a\"b\\c, Basic realm=x")").param("realm"), R"(a"b\c, Basic realm=x)");
}

TEST(Challenge, MayHaveMissingAndEmptyParameters) {
    const auto challenge = only(R"(Bearer realm="u",service="",scope=)");

    EXPECT_EQ(challenge.param("service"), "");
    EXPECT_EQ(challenge.param("scope"), "");
    EXPECT_EQ(challenge.param("error"), std::nullopt);
}

TEST(Challenge, SeveralMayStandInOneField) {
    const auto found = parse_challenges(R"(Basic realm="x", charset="UTF-8", Negotiate, Bearer realm="u",service=s)");

    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].params, (Params{{"realm", "x"}, {"charset", "UTF-8"}}));
    EXPECT_EQ(found[1].scheme, "negotiate");
    EXPECT_TRUE(found[1].params.empty());
    EXPECT_EQ(found[2].params, (Params{{"realm", "u"}, {"service", "s"}}));
}

TEST(Challenge, MayCarryToken68) {
    const auto found = parse_challenges(R"(Negotiate YII+/abc==, Bearer realm="u", NTLM T-._~x)");

    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].token68, "YII+/abc==");
    EXPECT_EQ(found[1].param("realm"), "u");
    EXPECT_EQ(found[2].token68, "T-._~x");
}

TEST(Challenge, TakesAUrlThatShouldHaveBeenQuoted) {
    EXPECT_EQ(only("Bearer realm=https://a.example/token?x=1,service=s").param("realm"), "https://a.example/token?x=1");
}

TEST(Challenge, FirstOfEqualParametersCounts) { EXPECT_EQ(only(R"(Bearer realm="a",realm="b")").param("realm"), "a"); }

TEST(Challenge, BehindWhichTheFieldIsIllegalIsKept) {
    for (const auto* broken :
         {R"(Bearer realm="u", Basic realm="open)", R"(Bearer realm="u", Basic realm="x" y)", R"(Bearer realm="u", =)",
          R"(Bearer realm="u", Basic realm="\)", R"(Bearer realm="u", "x")"}) {
        const auto found = parse_challenges(broken);
        ASSERT_EQ(found.size(), 1U) << broken;
        EXPECT_EQ(found[0].scheme, "bearer");
    }
}

TEST(Challenge, IsNotFoundInRubbish) {
    for (const auto* text : {"", " ", ",", "\"", "=", "Bearer=x", R"(Bearer realm="x)", "Bearer realm=\"x\"y", "(x)"}) {
        EXPECT_TRUE(parse_challenges(text).empty()) << text;
    }
}

TEST(Challenge, HoldsNoControlCharacters) {
    for (const auto& control : {std::string{'\0'}, std::string{"\r\n"}, std::string{"\x7f"}, std::string{"\x1b"}}) {
        EXPECT_TRUE(parse_challenges("Bearer realm=\"a" + control + "b\"").empty());
        EXPECT_TRUE(parse_challenges("Bearer realm=\"a\\" + control + "b\"").empty());
        EXPECT_TRUE(parse_challenges("Bearer realm=a" + control + "b").empty());
    }
    EXPECT_EQ(only("Bearer realm=\"a\tb\xC3\xA4\"").param("realm"), "a\tb\xC3\xA4");
}

TEST(Challenge, IsBounded) {
    std::string many;
    for (int i = 0; i < 100; ++i) many += "S" + std::to_string(i) + ", ";
    std::string wide = "Bearer a=b";
    for (int i = 0; i < 40; ++i) wide += ",a=b";

    EXPECT_EQ(parse_challenges(many).size(), 16U);
    EXPECT_TRUE(parse_challenges(wide).empty());
    EXPECT_TRUE(parse_challenges("Bearer realm=\"" + std::string(17000, 'x') + "\"").empty());
}

TEST(Challenge, IsCollectedFromSeveralFields) {
    http::Fields fields;
    fields.add("www-authenticate", R"(Basic realm="open)");
    fields.add("content-type", "application/json");
    fields.add("www-authenticate", R"(Bearer realm="u")");

    const auto found = challenges_of(fields);

    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].scheme, "bearer");
}

TEST(Challenge, OfBearerIsPickedOnlyWithARealm) {
    const auto found = parse_challenges(R"(Basic realm="x", Bearer service="s", Bearer realm="u")");

    ASSERT_NE(bearer(found), nullptr);
    EXPECT_EQ(bearer(found)->param("realm"), "u");
    EXPECT_EQ(basic(found)->param("realm"), "x");
    EXPECT_EQ(bearer(parse_challenges("Basic realm=x")), nullptr);
    EXPECT_EQ(basic(parse_challenges("Bearer realm=x")), nullptr);
}

TEST(TokenRequest, EncodesServiceAndScopes) {
    const std::vector<std::string> scopes{"repository:library/alpine:pull,push", "a&b=c#d+e%\xC3\xA4"};

    EXPECT_EQ(
        token_query("", "my service", scopes),
        "service=my%20service&scope=repository%3Alibrary%2Falpine%3Apull%2Cpush&scope=a%26b%3Dc%23d%2Be%25%C3%A4");
}

TEST(TokenRequest, KeepsTheQueryOfTheRealmAndLeavesOutAnEmptyService) {
    EXPECT_EQ(token_query("account=x", "s", {}), "account=x&service=s");
    EXPECT_EQ(token_query("account=x&", "", std::vector<std::string>{"y"}), "account=x&scope=y");
    EXPECT_EQ(token_query("", "", {}), "");
}

TEST(TokenRequest, AsksForTheScopesOfTheChallengeElseForPullingTheName) {
    const auto named = only(R"(Bearer realm="u",scope="repository:a/b:pull  repository:c:pull")");
    const auto unnamed = only(R"(Bearer realm="u",scope="")");

    EXPECT_EQ(scopes_for(named, name("x")), (std::vector<std::string>{"repository:a/b:pull", "repository:c:pull"}));
    EXPECT_EQ(scopes_for(unnamed, name("library/x")), std::vector<std::string>{"repository:library/x:pull"});
}

TEST(TokenRequest, GoesToTheRealm) {
    const auto challenge = only(R"(Bearer realm="https://auth.example/token/?a=1#x",service="s")");

    const auto to = token_target(challenge, target("https://registry.example/v2/"), std::vector<std::string>{"y"});

    ASSERT_TRUE(to) << to_string(to.error());
    EXPECT_EQ(to->to_string(), "https://auth.example/token/?a=1&service=s&scope=y");
}

TEST(TokenRequest, SeesARelativeRealmFromTheRequest) {
    const auto to = token_target(only(R"(Bearer realm="/token")"), target("http://127.0.0.1:5600/v2/a/tags/list"), {});

    ASSERT_TRUE(to);
    EXPECT_EQ(to->to_string(), "http://127.0.0.1:5600/token");
}

TEST(TokenRequest, RefusesARealmThatIsNoWebAddress) {
    const auto asked = target("https://registry.example/v2/");
    for (const auto* realm : {"ftp://a/b", "file:///etc/passwd", "https://u:p@a/", "https://a b/", "#x"}) {
        Challenge challenge{"bearer", {}, {{"realm", realm}}};
        EXPECT_FALSE(token_target(challenge, asked, {})) << realm;
    }
    EXPECT_FALSE(token_target(Challenge{"bearer", {}, {}}, asked, {}));
    const Challenge long_one{"bearer", {}, {{"realm", "https://a/"}, {"service", std::string(9000, 's')}}};
    EXPECT_EQ(token_target(long_one, asked, {}).error().code, Errc::too_large);
}

}  // namespace
}  // namespace longshore::registry

#include "http/target.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

std::string canonical(std::string_view path) {
    const auto target = Target::from_path("http", {"h", 0}, path);
    return target ? target->path_and_query() : "refused";
}

std::string authority(std::string_view text, std::uint16_t port = 80) {
    const auto parsed = Authority::parse(text, port);
    return parsed ? parsed->to_string() : "refused";
}

struct Case {
    std::string_view given;
    std::string_view expected;
};

TEST(Target, HasOneFormForEveryPath) {
    const Case cases[] = {
        {"/", "/"},
        {"/v2/library/alpine/blobs/sha256:ab", "/v2/library/alpine/blobs/sha256:ab"},
        {"/%61%2D%2E%5F%7e", "/a-._~"},
        {"/a%2fb%2Fc", "/a%2Fb%2Fc"},
        {"/%25%32%65", "/%252e"},
        {"/%c3%a9", "/%C3%A9"},
        {"/%c0%ae%c0%ae/", "/%C0%AE%C0%AE/"},
        {"/a//b///c", "/a//b///c"},
        {"/a/./b/../c", "/a/c"},
        {"/a/%2e/b/%2E%2e/c", "/a/c"},
        {"/a/.%2e/c", "/c"},
        {"/a/b/..", "/a/"},
        {"/a/.", "/a/"},
        {"/.", "/"},
        {"/a/..", "/"},
        {"//..", "/"},
        {"/a//../b", "/a/b"},
        {"/...", "/..."},
        {"/.well-known/x", "/.well-known/x"},
        {"/a/..;x/b", "/a/..;x/b"},
        {"/a;b=c/d", "/a;b=c/d"},
        {"/a\\..\\b", "/a%5C..%5Cb"},
        {"/a%5c..%5cb", "/a%5C..%5Cb"},
        {"/<>\"^`{|}[]", "/%3C%3E%22%5E%60%7B%7C%7D%5B%5D"},
        {"/!$&'()*+,;=:@", "/!$&'()*+,;=:@"},
        {"/a%0d%0ab", "/a%0D%0Ab"},
        {"/%20", "/%20"},
    };
    for (const Case& c : cases) EXPECT_EQ(canonical(c.given), c.expected) << c.given;
}

TEST(Target, KeepsQueriesApartFromPaths) {
    const Case cases[] = {
        {"/a?", "/a?"},           {"/a", "/a"},
        {"/a?b=c&d", "/a?b=c&d"}, {"/a?b?c/../d", "/a?b?c/../d"},
        {"/?%61%2f", "/?a%2F"},   {"/?a[0]={}", "/?a%5B0%5D=%7B%7D"},
        {"/a%3Fb", "/a%3Fb"},
    };
    for (const Case& c : cases) EXPECT_EQ(canonical(c.given), c.expected) << c.given;
    EXPECT_TRUE(Target::from_path("http", {}, "/a?")->has_query);
    EXPECT_FALSE(Target::from_path("http", {}, "/a")->has_query);
}

TEST(Target, RefusesPathsThatMeanTwoThingsOrNone) {
    for (const std::string_view path : {"",      "a",      "?a",           "*?a",       "**",       "/a b",     "/a\tb",
                                        "/a\nb", "/a\x7f", "/caf\xc3\xa9", "/a#b",      "/a?b#c",   "/%",       "/%1",
                                        "/%zz",  "/%-1",   "/%+1",         "/% 1",      "/%00",     "/a?b=%00", "/a?%",
                                        "/..",   "/../a",  "/a/../../b",   "/%2e%2e/a", "/a/../..", "http://h/"}) {
        EXPECT_EQ(canonical(path), "refused") << path;
    }
    EXPECT_EQ(canonical(std::string_view("/a\0b", 4)), "refused");
}

TEST(Target, IsStableOnceCanonical) {
    for (const std::string_view path : {"/%61/%2e%2e/<b>?%7e[", "/a\\..%2f//./x/..?", "/%252e"}) {
        const std::string once = canonical(path);
        EXPECT_EQ(canonical(once), once);
    }
}

TEST(Target, KnowsTheAsterisk) { EXPECT_EQ(canonical("*"), "*"); }

TEST(Authority, HasOneFormForEveryHost) {
    const Case cases[] = {
        {"Example.COM", "example.com"},
        {"example.com.", "example.com"},
        {"example.com:80", "example.com"},
        {"example.com:0080", "example.com"},
        {"example.com:", "example.com"},
        {"example.com:8080", "example.com:8080"},
        {"EXAMPLE.com.:443", "example.com:443"},
        {"127.0.0.1:5000", "127.0.0.1:5000"},
        {"[::1]", "[::1]"},
        {"[::1]:80", "[::1]"},
        {"[2001:DB8:0:0:0:0:0:1]:81", "[2001:db8::1]:81"},
        {"my_service-1", "my_service-1"},
        {"h:65535", "h:65535"},
    };
    for (const Case& c : cases) EXPECT_EQ(authority(c.given), c.expected) << c.given;
    EXPECT_EQ(authority("a:443", 443), "a");
    EXPECT_EQ(authority("a:80", 443), "a:80");
    EXPECT_EQ(authority("a:80", 0), "a:80");
}

TEST(Authority, RefusesEverythingElse) {
    for (const std::string_view text :
         {"",     ".",   "..",      "a..b",      ".a",    "a..",       ":80",          "a:b",    "a:-1",
          "a:+1", "a:0", "a:65536", "a:123456",  "a:8 0", "a:80:80",   "user@a",       "a@b:80", "a/b",
          "a?b",  "a#b", "a b",     " a",        "a ",    "a\r",       "a,b",          "a%2eb",  "caf\xc3\xa9",
          "[::1", "::1", "[::1]x",  "[::1]x:80", "[]",    "[1.2.3.4]", "[::1%25eth0]", "[v1.a]", "[::g]",
          "a\\b", "a;b", "<a>"}) {
        EXPECT_EQ(authority(text), "refused") << text;
    }
    EXPECT_EQ(authority(std::string_view("a\0b", 3)), "refused");
    EXPECT_EQ(authority(std::string_view("[::1\0]", 6)), "refused");
    EXPECT_EQ(authority(std::string(256, 'a')), "refused");
}

TEST(Target, ReadsUrls) {
    const Case cases[] = {
        {"http://H/", "http://h/"},
        {"HTTPS://h:443/a?b", "https://h/a?b"},
        {"http://h:443", "http://h:443/"},
        {"https://h?x", "https://h/?x"},
        {"http://[::1]:5000/v2/", "http://[::1]:5000/v2/"},
    };
    for (const Case& c : cases) {
        const auto target = Target::from_url(c.given);
        ASSERT_TRUE(target) << c.given;
        EXPECT_EQ(target->to_string(), c.expected);
    }
    for (const std::string_view url :
         {"", "/a", "//h/a", "h/a", "ftp://h/", "http:/h", "http:h", "http://", "http:///a", "http://u@h/",
          "http://h/#f", "http://h:x/", "http ://h/", "://h/"}) {
        EXPECT_FALSE(Target::from_url(url)) << url;
    }
}

TEST(Target, TellsThePortThatIsMeant) {
    EXPECT_EQ(Target::from_url("https://h/")->port(), 443);
    EXPECT_EQ(Target::from_url("http://h/")->port(), 80);
    EXPECT_EQ(Target::from_url("http://h:81/")->port(), 81);
}

TEST(Target, ResolvesReferences) {
    const auto base = *Target::from_url("https://h:5000/b/c/d?q");
    const Case cases[] = {
        {"http://x/y", "http://x/y"},    {"//x/y", "https://x/y"},          {"/y?z", "https://h:5000/y?z"},
        {"g", "https://h:5000/b/c/g"},   {"./g/", "https://h:5000/b/c/g/"}, {"../g", "https://h:5000/b/g"},
        {"../../g", "https://h:5000/g"}, {"?y", "https://h:5000/b/c/d?y"},  {"g?y/./x", "https://h:5000/b/c/g?y/./x"},
        {"", "https://h:5000/b/c/d?q"},  {"#f", "https://h:5000/b/c/d?q"},  {"/y#f", "https://h:5000/y"},
    };
    for (const Case& c : cases) {
        const auto target = base.resolve(c.given);
        ASSERT_TRUE(target) << c.given;
        EXPECT_EQ(target->to_string(), c.expected) << c.given;
    }
    for (const std::string_view reference : {"../../../g", "ftp://x/", "javascript:x", "http://u:p@x/", "/a b", "//"}) {
        EXPECT_FALSE(base.resolve(reference)) << reference;
    }
}

}  // namespace
}  // namespace longshore::http

#include "http/proxy.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

std::string written(std::string_view text) {
    const auto proxy = Proxy::parse(text);
    return proxy ? proxy->to_string() + " " + proxy->authorization
                 : std::string{longshore::to_string(proxy.error().code)};
}

TEST(Proxy, IsReadFromAUrl) {
    EXPECT_EQ(written("http://proxy.example:3128"), "http://proxy.example:3128 ");
    EXPECT_EQ(written("HTTP://Proxy.Example:3128/"), "http://proxy.example:3128 ");
    EXPECT_EQ(written("proxy.example:3128"), "http://proxy.example:3128 ");
    EXPECT_EQ(written("proxy.example"), "http://proxy.example:80 ");
    EXPECT_EQ(written("http://[::1]:8888"), "http://[::1]:8888 ");
    EXPECT_EQ(written("http://Aladdin:open%20sesame@p:1"), "http://p:1 Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    EXPECT_EQ(written("http://u:p%40@ss@p:1"), "http://p:1 Basic dTpwQEBzcw==");
    EXPECT_EQ(written("http://user@p:1"), "http://p:1 Basic dXNlcjo=");
}

TEST(Proxy, RefusesWhatCannotBeMeant) {
    for (const auto* text :
         {"", "http://", "http://:3128", "http://p:0", "http://p:70000", "http://p:1/x", "http://p:1?x",
          "http://u:%zz@p:1", "http://u%3a:x@p:1", "http://u:%0d%0a@p:1", "http://u:x%4@p:1", "a b"}) {
        EXPECT_EQ(written(text), "invalid") << text;
    }
    for (const auto* text : {"https://p:443", "socks5://p:1080", "ftp://p"}) {
        EXPECT_EQ(written(text), "unsupported") << text;
    }
}

TEST(Proxy, KeepsAPasswordOutOfItsErrors) {
    for (const auto* text : {"http://u:hunter2@p:0", "ftp://u:hunter2@p", "http://u:hunter2%@p"}) {
        EXPECT_EQ(Proxy::parse(text).error().where.find("hunter2"), std::string::npos);
    }
}

bool covers(std::string_view entry, std::string_view url) {
    NoProxy list;
    return list.add(entry).has_value() && list.covers(Target::from_url(url).value());
}

TEST(NoProxy, CoversDomains) {
    EXPECT_TRUE(covers("example.org", "https://example.org/"));
    EXPECT_TRUE(covers("Example.org.", "https://a.b.EXAMPLE.org./"));
    EXPECT_FALSE(covers("example.org", "https://badexample.org/"));
    EXPECT_FALSE(covers("example.org", "https://example.org.evil/"));
    EXPECT_TRUE(covers(".example.org", "https://a.example.org/"));
    EXPECT_FALSE(covers(".example.org", "https://example.org/"));
    EXPECT_TRUE(covers("*.example.org", "https://a.example.org/"));
    EXPECT_TRUE(covers("example.org:8443", "https://example.org:8443/"));
    EXPECT_FALSE(covers("example.org:8443", "https://example.org/"));
    EXPECT_TRUE(covers("example.org:443", "https://example.org/"));
    EXPECT_TRUE(covers(" * ", "http://anything/"));
}

TEST(NoProxy, CoversAddresses) {
    EXPECT_TRUE(covers("192.0.2.1", "http://192.0.2.1/"));
    EXPECT_TRUE(covers("192.0.2.1:80", "http://192.0.2.1/"));
    EXPECT_FALSE(covers("192.0.2.1:81", "http://192.0.2.1/"));
    EXPECT_TRUE(covers("10.0.0.0/8", "http://10.200.0.1/"));
    EXPECT_FALSE(covers("10.0.0.0/8", "http://11.0.0.1/"));
    EXPECT_TRUE(covers("0.0.0.0/0", "http://11.0.0.1/"));
    EXPECT_TRUE(covers("2001:db8::/32", "http://[2001:db8:1::1]/"));
    EXPECT_TRUE(covers("[2001:db8::1]:443", "https://[2001:db8::1]/"));
    EXPECT_TRUE(covers("2001:db8::1", "https://[2001:db8::1]/"));
    EXPECT_TRUE(covers("192.0.2.1", "http://[::ffff:192.0.2.1]/"));
    EXPECT_FALSE(covers("2.1", "http://192.0.2.1/"));
}

TEST(NoProxy, RefusesWhatIsNoHost) {
    NoProxy list;
    for (const auto* entry : {"", "a b", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "x/8", "a:b", "<local>", "."}) {
        EXPECT_FALSE(list.add(entry)) << entry;
    }
}

TEST(ProxyRules, LeaveThisMachineAlone) {
    ProxyRules rules{.for_http = Proxy::parse("p:1").value(), .for_https = Proxy::parse("q:2").value(), .except = {}};
    const auto chosen = [&rules](std::string_view url) {
        const auto* const proxy = rules.for_target(Target::from_url(url).value());
        return proxy == nullptr ? std::string{"none"} : proxy->to_string();
    };

    EXPECT_EQ(chosen("http://example.org/"), "http://p:1");
    EXPECT_EQ(chosen("https://example.org/"), "http://q:2");
    for (const auto* url : {"http://localhost/", "http://a.localhost/", "http://127.0.0.9/", "https://[::1]/"}) {
        EXPECT_EQ(chosen(url), "none") << url;
    }
    rules.loopback_too = true;
    EXPECT_EQ(chosen("http://127.0.0.9/"), "http://p:1");
}

}  // namespace
}  // namespace longshore::http

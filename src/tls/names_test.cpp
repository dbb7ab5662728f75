#include "tls/names.hpp"

#include "tls/client_hello.hpp"
#include "tls/identity.hpp"
#include "tls/testing/test_ca.hpp"

#include <gtest/gtest.h>

namespace longshore::tls {
namespace {

using namespace std::string_view_literals;

std::span<const unsigned char> bytes(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

TEST(NameMatches, IgnoresCase) { EXPECT_TRUE(name_matches("a.Example", "A.example")); }

TEST(NameMatches, AStarIsOneWholeFirstLabel) {
    EXPECT_TRUE(name_matches("*.example", "a.example"));
    EXPECT_FALSE(name_matches("*.example", "a.b.example"));
    EXPECT_FALSE(name_matches("*.example", ".example"));
    EXPECT_FALSE(name_matches("*.example", "example"));
    EXPECT_FALSE(name_matches("a*.example", "ab.example"));
}

TEST(NameMatches, AStarStandsForNoAddress) { EXPECT_FALSE(name_matches("*.0.0.1", "127.0.0.1")); }

TEST(NormalHost, IsOneSpellingPerHost) {
    EXPECT_EQ(normal_host("A.Example."), "a.example");
    EXPECT_EQ(normal_host("[0:0::1]"), "::1");
    EXPECT_EQ(normal_host("0::1."), "::1");
    EXPECT_EQ(normal_host("::ffff:127.0.0.1"), "127.0.0.1");
}

TEST(DnsName, HasLabelsOfLettersDigitsAndHyphens) {
    EXPECT_TRUE(is_dns_name("a-1_b.example"));
    EXPECT_FALSE(is_dns_name(""));
    EXPECT_FALSE(is_dns_name("a..b"));
    EXPECT_FALSE(is_dns_name("a."));
    EXPECT_FALSE(is_dns_name("a b"));
    EXPECT_FALSE(is_dns_name(std::string(64, 'a')));
}

TEST(ServerName, IsReadFromItsExtension) {
    EXPECT_EQ(*parse_server_name(bytes("\0\x0c\0\0\x09"
                                       "A.example"sv)),
              "a.example");
}

TEST(ServerName, IsRefusedWhenLengthsDoNotAddUp) {
    for (const auto damaged : {""sv, "\0"sv, "\0\0"sv, "\0\x04\0\0\x01"sv, "\0\x04\0\0\x02x"sv, "\0\x04\0\0\x01xx"sv,
                               "\0\x08\0\0\x01x\0\0\x01y"sv, "\0\x04\x01\0\x01x"sv, "\0\x03\0\0\0"sv}) {
        EXPECT_FALSE(parse_server_name(bytes(damaged))) << damaged.size();
    }
}

TEST(ServerName, IsRefusedWhenItIsNoHostName) {
    EXPECT_FALSE(
        parse_server_name(bytes("\0\x06\0\0\x03"
                                "a\0b"sv)));
    EXPECT_FALSE(
        parse_server_name(bytes("\0\x06\0\0\x03"
                                "a/b"sv)));
}

TEST(Alpn, IsReadInOrder) {
    EXPECT_EQ(*parse_alpn(bytes("\0\x0c\x02h2\x08http/1.1"sv)), (std::vector{"h2"sv, "http/1.1"sv}));
}

TEST(Alpn, IsRefusedWhenLengthsDoNotAddUp) {
    for (const auto damaged : {""sv, "\0\0"sv, "\0\x03\x03h2"sv, "\0\x01\0"sv, "\0\x03\x02h2x"sv}) {
        EXPECT_FALSE(parse_alpn(bytes(damaged))) << damaged.size();
    }
}

TEST(IdentityOf, PemsKnowsItsNames) {
    const testing::TestCa ca;
    const auto identity = ca.server_identity({"A.example", "*.b.example", "::1"});

    EXPECT_EQ(std::vector(identity->names().begin(), identity->names().end()),
              (std::vector<std::string>{"a.example", "*.b.example", "::1"}));
    EXPECT_TRUE(identity->covers("[::1]"));
    EXPECT_TRUE(identity->covers("x.b.example."));
    EXPECT_FALSE(identity->covers("127.0.0.1"));
}

TEST(IdentityOf, AnEncryptedKeyIsInvalid) {
    const testing::TestCa ca;
    const auto pems = ca.server({"a"});

    const auto identity = Identity::parse(
        pems.chain, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n");

    ASSERT_FALSE(identity);
    EXPECT_TRUE(identity.error().where.contains("without a passphrase")) << identity.error().where;
}

TEST(IdentityOf, ADamagedChainIsInvalid) {
    const testing::TestCa ca;
    auto pems = ca.server({"a"});
    const auto chain = pems.chain + pems.chain.substr(0, pems.chain.size() / 2);

    EXPECT_EQ(Identity::parse(chain, pems.key).error().code, Errc::invalid);
}

TEST(Trust, NeedsACertificate) {
    EXPECT_EQ(TrustRoots::parse("nothing here").error().where, "trusted certificates: no PEM certificate in it");
}

}  // namespace
}  // namespace longshore::tls

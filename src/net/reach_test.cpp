#include "net/reach.hpp"

#include <gtest/gtest.h>

namespace longshore::net {
namespace {

bool is_public(const char* text) { return net::is_public(boost::asio::ip::make_address(text)); }

TEST(Reach, KnowsPublicAddresses) {
    for (const auto* text : {"1.1.1.1",         "8.8.8.8",
                             "9.255.255.255",   "11.0.0.0",
                             "100.63.255.255",  "100.128.0.0",
                             "126.255.255.255", "128.0.0.0",
                             "168.63.129.17",   "169.253.255.255",
                             "169.255.0.0",     "172.15.255.255",
                             "172.32.0.0",      "192.0.1.0",
                             "192.167.255.255", "192.169.0.0",
                             "198.17.255.255",  "198.20.0.0",
                             "223.255.255.255", "2606:4700::1",
                             "2a00:1450::5",    "2001:4860:4860::8888",
                             "::ffff:8.8.8.8",  "64:ff9b::808:808",
                             "2002:808:808::1"}) {
        EXPECT_TRUE(is_public(text)) << text;
    }
}

TEST(Reach, KnowsAddressesThatAreNotPublic) {
    for (const auto* text : {"0.0.0.0",
                             "0.255.255.255",
                             "10.0.0.0",
                             "10.255.255.255",
                             "100.64.0.0",
                             "100.100.100.200",
                             "100.127.255.255",
                             "127.0.0.1",
                             "127.255.255.255",
                             "168.63.129.16",
                             "169.254.0.0",
                             "169.254.169.254",
                             "172.16.0.0",
                             "172.31.255.255",
                             "192.0.0.192",
                             "192.0.2.1",
                             "192.168.0.0",
                             "192.168.255.255",
                             "198.18.0.0",
                             "198.19.255.255",
                             "198.51.100.1",
                             "203.0.113.255",
                             "224.0.0.1",
                             "239.255.255.255",
                             "240.0.0.0",
                             "255.255.255.255",
                             "::",
                             "::1",
                             "fe80::1",
                             "febf::1",
                             "fec0::1",
                             "fc00::1",
                             "fd00:ec2::254",
                             "ff02::1",
                             "2001:db8::1",
                             "2001::1",
                             "2001:1ff::1",
                             "3fff::1",
                             "5f00::1",
                             "100::1",
                             "::127.0.0.1"}) {
        EXPECT_FALSE(is_public(text)) << text;
    }
}

TEST(Reach, LooksIntoAddressesThatEmbedOthers) {
    for (const auto* text :
         {"::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1",
          "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::"}) {
        EXPECT_FALSE(is_public(text)) << text;
    }
}

TEST(Reach, JudgesHostsThatSomebodyElseResolves) {
    for (const auto* host : {"example.org", "8.8.8.8", "[2606:4700::1]", "localhost.example.org", "10.example.org"}) {
        EXPECT_TRUE(may_be_public(host)) << host;
    }
    for (const auto* host : {"localhost", "localhost.", "a.localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433",
                             "0177.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254", "10.1"}) {
        EXPECT_FALSE(may_be_public(host)) << host;
    }
}

}  // namespace
}  // namespace longshore::net

#include "tls/testing/pair.hpp"
#include "tls/testing/test_ca.hpp"

#include <gtest/gtest.h>

namespace longshore::tls {
namespace {

using testing::TestCa;
using testing::TlsEnds;

constexpr std::chrono::hours k_ago{-1};

class Handshake : public ::testing::Test {
protected:
    TlsEnds shake(const ServerContext& server, const ClientContext& client, std::string name,
                  std::vector<std::string> alpn = {}) {
        return loop_.run(testing::handshake(server, client, std::move(name), std::move(alpn)));
    }
    TlsEnds shake_with(std::vector<std::string> names, std::string asked, std::chrono::hours life) {
        auto shown = std::make_shared<OneCertificate>(ca_.server_identity(std::move(names), life));
        const auto server = ServerContext::make(std::move(shown), {}, disk_);
        return shake(**server, *client_, std::move(asked));
    }
    std::unique_ptr<ServerContext> asking(ClientCertificate rule) {
        return ca_.server_context({"a.example"}, disk_, {.client_certificate = rule, .client_roots = ca_.roots()});
    }
    std::unique_ptr<ClientContext> showing(std::shared_ptr<const Identity> identity) {
        return ClientContext::make({.roots = ca_.roots(), .identity = std::move(identity)}, disk_).value();
    }

    DiskPool disk_{1};
    testing::OneLoop loop_;
    TestCa ca_;
    std::unique_ptr<ServerContext> server_ = ca_.server_context({"a.example"}, disk_);
    std::unique_ptr<ClientContext> client_ = ca_.client_context(disk_);
};

TEST_F(Handshake, SettlesTheServersPreferredProtocol) {
    const auto ends = shake(*server_, *client_, "a.example", {"http/1.1", "h2"});

    ASSERT_TRUE(ends.server && ends.client);
    EXPECT_EQ((*ends.server)->alpn(), "h2");
    EXPECT_EQ((*ends.client)->alpn(), "h2");
}

TEST_F(Handshake, SettlesTheOnlyProtocolInCommon) {
    const auto ends = shake(*server_, *client_, "a.example", {"spdy/3", "http/1.1"});

    ASSERT_TRUE(ends.server && ends.client);
    EXPECT_EQ((*ends.client)->alpn(), "http/1.1");
}

TEST_F(Handshake, NeedsNoProtocolName) {
    const auto ends = shake(*server_, *client_, "a.example");

    ASSERT_TRUE(ends.server && ends.client);
    EXPECT_EQ((*ends.server)->alpn(), "");
}

TEST_F(Handshake, IsRefusedWithoutAProtocolInCommon) {
    const auto ends = shake(*server_, *client_, "a.example", {"spdy/3"});

    ASSERT_FALSE(ends.server || ends.client);
    EXPECT_EQ(ends.server.error().code, Errc::unsupported) << ends.server.error().where;
    EXPECT_EQ(ends.client.error().code, Errc::unsupported) << ends.client.error().where;
}

TEST_F(Handshake, TellsBothEndsWhatWasSettled) {
    const auto ends = shake(*server_, *client_, "A.Example.");

    ASSERT_TRUE(ends.server && ends.client);
    EXPECT_EQ((*ends.server)->server_name(), "a.example");
    EXPECT_EQ((*ends.client)->server_name(), "a.example");
    EXPECT_EQ((*ends.server)->facts().protocol, "TLSv1.3");
    EXPECT_EQ((*ends.server)->facts().cipher, "TLS_AES_128_GCM_SHA256");
    EXPECT_TRUE((*ends.server)->peer_certificate().empty());
    EXPECT_FALSE((*ends.client)->peer_certificate().empty());
}

TEST_F(Handshake, KnowsWhichHostsTheCertificateShownCovers) {
    const auto server = ca_.server_context({"*.example", "127.0.0.1"}, disk_);
    const auto ends = shake(*server, *client_, "127.0.0.1");

    ASSERT_TRUE(ends.server && ends.client);
    EXPECT_TRUE((*ends.server)->covers("B.example"));
    EXPECT_TRUE((*ends.server)->covers("127.0.0.1"));
    EXPECT_FALSE((*ends.server)->covers("b.c.example"));
    EXPECT_FALSE((*ends.server)->covers("other"));
    EXPECT_TRUE((*ends.client)->covers("b.example"));
    EXPECT_FALSE((*ends.client)->covers("other"));
}

TEST_F(Handshake, RefusesACertificateOfAnUnknownAuthority) {
    const TestCa stranger;
    const auto ends = shake(*stranger.server_context({"a.example"}, disk_), *client_, "a.example");

    ASSERT_FALSE(ends.client || ends.server);
    EXPECT_EQ(ends.client.error().code, Errc::denied);
    EXPECT_EQ(ends.client.error().where, "certificate of a.example: unable to get local issuer certificate");
    EXPECT_EQ(ends.server.error().code, Errc::denied) << ends.server.error().where;
}

TEST_F(Handshake, RefusesACertificateForAnotherHost) {
    const auto ends = shake(*server_, *client_, "b.example");

    ASSERT_FALSE(ends.client);
    EXPECT_EQ(ends.client.error().code, Errc::denied);
    EXPECT_EQ(ends.client.error().where, "certificate of b.example: hostname mismatch");
}

TEST_F(Handshake, RefusesACertificateForAnotherAddress) {
    const auto ends = shake(*ca_.server_context({"127.0.0.2"}, disk_), *client_, "127.0.0.1");

    ASSERT_FALSE(ends.client);
    EXPECT_EQ(ends.client.error().where, "certificate of 127.0.0.1: IP address mismatch");
}

TEST_F(Handshake, AcceptsACertificateForTheAddress) {
    const auto ends = shake(*ca_.server_context({"127.0.0.1"}, disk_), *client_, "127.0.0.1");

    ASSERT_TRUE(ends.client) << ends.client.error().where;
    EXPECT_EQ((*ends.server)->server_name(), "");
}

TEST_F(Handshake, RefusesAnExpiredCertificate) {
    const auto ends = shake_with({"a.example"}, "a.example", k_ago);

    ASSERT_FALSE(ends.client);
    EXPECT_EQ(ends.client.error().code, Errc::denied);
    EXPECT_EQ(ends.client.error().where, "certificate of a.example: certificate has expired");
}

TEST_F(Handshake, LooksAtNothingWhenToldNotToVerify) {
    const auto careless = ClientContext::make({.verify = Verify::nothing}, disk_);
    const auto ends = shake(*server_, **careless, "b.example");

    EXPECT_TRUE(ends.client && ends.server);
}

TEST_F(Handshake, CarriesTheClientsCertificate) {
    const auto ends = shake(*asking(ClientCertificate::required), *showing(ca_.client_identity("me")), "a.example");

    ASSERT_TRUE(ends.client && ends.server);
    EXPECT_FALSE((*ends.server)->peer_certificate().empty());
}

TEST_F(Handshake, RefusesAClientWithoutTheRequiredCertificate) {
    const auto ends = shake(*asking(ClientCertificate::required), *client_, "a.example");

    ASSERT_FALSE(ends.server);
    EXPECT_EQ(ends.server.error().code, Errc::denied) << ends.server.error().where;
}

TEST_F(Handshake, LetsAClientWithoutAnOptionalCertificateIn) {
    const auto ends = shake(*asking(ClientCertificate::optional), *client_, "a.example");

    ASSERT_TRUE(ends.server);
    EXPECT_TRUE((*ends.server)->peer_certificate().empty());
}

TEST_F(Handshake, RefusesAClientCertificateOfAStranger) {
    const TestCa stranger;
    const auto ends =
        shake(*asking(ClientCertificate::optional), *showing(stranger.client_identity("me")), "a.example");

    ASSERT_FALSE(ends.server);
    EXPECT_EQ(ends.server.error().code, Errc::denied) << ends.server.error().where;
}

TEST_F(Handshake, RefusesAServersCertificateFromAClient) {
    const auto ends =
        shake(*asking(ClientCertificate::required), *showing(ca_.server_identity({"a.example"})), "a.example");

    ASSERT_FALSE(ends.server);
    EXPECT_TRUE(ends.server.error().where.contains("unsuitable certificate purpose")) << ends.server.error().where;
}

TEST_F(Handshake, RefusesAnExpiredClientCertificate) {
    const auto ends =
        shake(*asking(ClientCertificate::required), *showing(ca_.client_identity("me", k_ago)), "a.example");

    ASSERT_FALSE(ends.server);
    EXPECT_TRUE(ends.server.error().where.contains("certificate has expired")) << ends.server.error().where;
}

TEST_F(Handshake, TellsTheClientsSubject) {
    const auto ends = shake(*asking(ClientCertificate::required), *showing(ca_.client_identity("me")), "a.example");

    ASSERT_TRUE(ends.server);
    EXPECT_EQ((*ends.server)->peer_subject(), "CN=me");
    EXPECT_EQ((*ends.client)->facts().protocol, "TLSv1.3");
}

Task<Errc> accept_from_a_silent_peer(const ServerContext& context) {
    auto ends = co_await testing::connected();
    const auto limit = net::Loop::current().now() + std::chrono::milliseconds{30};
    const auto accepted = co_await accept(std::move(ends.server), context, limit);
    co_return accepted ? Errc::invalid : accepted.error().code;
}

TEST_F(Handshake, WithASilentPeerEndsAtItsDeadline) {
    EXPECT_EQ(loop_.run(accept_from_a_silent_peer(*server_)), Errc::timeout);
}

Task<Error> accept_bytes(const ServerContext& context, std::string bytes, bool then_end) {
    auto ends = co_await testing::connected();
    auto bytes_sent = net::Chunk::of(std::move(bytes));
    (void)co_await ends.client->write(std::move(bytes_sent), Deadline::max());
    if (then_end) (void)co_await ends.client->finish(Deadline::max());
    const auto accepted = co_await accept(std::move(ends.server), context, Deadline::max());
    co_return accepted ? Error{Errc::invalid, "accepted"} : accepted.error();
}

TEST_F(Handshake, NamesPlainHttpForWhatItIs) {
    const auto error = loop_.run(accept_bytes(*server_, "GET / HTTP/1.1\r\n\r\n", false));

    EXPECT_EQ(error.code, Errc::corrupt);
    EXPECT_TRUE(error.where.contains("http request")) << error.where;
}

TEST_F(Handshake, RefusesNoise) {
    const auto error = loop_.run(accept_bytes(*server_, std::string(64, '\x17'), false));

    EXPECT_EQ(error.code, Errc::corrupt) << error.where;
}

TEST_F(Handshake, WithAPeerThatLeavesIsPeerClosed) {
    const auto error = loop_.run(accept_bytes(*server_, "\x16\x03\x01", true));

    EXPECT_EQ(error.code, Errc::peer_closed) << error.where;
}

Task<TlsEnds> replace_meanwhile(ServerContext& server, const ClientContext& client, const TestCa& ca) {
    const auto before = co_await testing::handshake(server, client, "a.example");
    auto shown = std::make_shared<OneCertificate>(ca.server_identity({"b.example"}));
    (void)server.replace(std::move(shown), {.alpn = {"http/1.1"}});
    auto hello = net::Chunk::of_static("hello");
    (void)co_await (*before.server)->write(std::move(hello), Deadline::max());
    const auto got = co_await (*before.client)->read(100, Deadline::max());
    EXPECT_EQ(got->text(), "hello");
    auto ends = co_await testing::handshake(server, client, "b.example", {"h2", "http/1.1"});
    co_return ends;
}

TEST_F(Handshake, FollowsReplacedSettingsWhileOlderConnectionsGoOn) {
    const auto ends = loop_.run(replace_meanwhile(*server_, *client_, ca_));

    ASSERT_TRUE(ends.client) << ends.client.error().where;
    EXPECT_EQ((*ends.client)->alpn(), "http/1.1");
}

TEST_F(Handshake, SettingsThatDoNotFitAreInvalid) {
    const auto one = std::make_shared<OneCertificate>(ca_.server_identity({"a.example"}));

    EXPECT_EQ(ServerContext::make(nullptr, {}, disk_).error().code, Errc::invalid);
    EXPECT_EQ(ServerContext::make(one, {.alpn = {""}}, disk_).error().code, Errc::invalid);
    EXPECT_EQ(ServerContext::make(one, {.client_certificate = ClientCertificate::required}, disk_).error().code,
              Errc::invalid);
    EXPECT_EQ(ClientContext::make({}, disk_).error().code, Errc::invalid);
}

}  // namespace
}  // namespace longshore::tls

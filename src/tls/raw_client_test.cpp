#include "tls/testing/raw_client.hpp"

#include "net/listener.hpp"
#include "net/scope.hpp"
#include "net/testing/run.hpp"
#include "tls/testing/test_ca.hpp"

#include <gtest/gtest.h>

#include <future>

namespace longshore::tls {
namespace {

using testing::RawClient;
using testing::RawPlan;
using testing::SessionPtr;
using testing::TestCa;

// Sends `greeting` on every connection, then what the client sends back to it, until the client ends.
struct Echo {
    const ServerContext& context;
    std::string greeting;
    std::vector<Errc> refused{};  // read after the loop has stopped
};

Task<> greet(std::unique_ptr<net::TcpStream> transport, Echo& echo) {
    const auto limit = net::Loop::current().now() + std::chrono::seconds{10};
    auto stream = co_await accept(std::move(transport), echo.context, limit);
    if (!stream) {
        echo.refused.push_back(stream.error().code);
        co_return;
    }
    auto wrote = co_await (*stream)->write(net::Chunk::of_static(echo.greeting), limit);
    for (;;) {
        auto got = co_await (*stream)->read(16384, limit);
        if (!wrote || !got || got->empty()) break;
        wrote = co_await (*stream)->write(std::move(*got), limit);
    }
    (void)co_await (*stream)->finish(limit);
}

Task<> serve(net::Listener& listener, net::Scope& scope, Echo& echo) {
    for (;;) {
        auto transport = co_await listener.accept();
        if (!transport) co_return;
        scope.start(greet(std::move(*transport), echo));
    }
}

Task<> stop(std::unique_ptr<net::Listener>& listener, net::Scope& scope, std::promise<void>& stopped) {
    listener->close();
    scope.cancel();
    co_await scope.join();
    listener.reset();
    stopped.set_value();
}

// The echo on a loop and a thread of its own.
class Server {
public:
    Server(const ServerContext& context, std::string greeting) : echo_{context, std::move(greeting)} {
        std::promise<void> ready;
        boost::asio::post(thread_.loop().context(), [&] {
            listener_ = net::Listener::open(thread_.loop(), {"127.0.0.1", 0, {}}).value();
            connections_.start(serve(*listener_, connections_, echo_));
            ready.set_value();
        });
        ready.get_future().wait();
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() { (void)stop_now(); }

    [[nodiscard]] std::uint16_t port() const { return listener_->address().port; }
    [[nodiscard]] const std::vector<Errc>& stop_now() {
        if (listener_ == nullptr) return echo_.refused;
        std::promise<void> stopped;
        boost::asio::post(thread_.loop().context(), [&] { stopping_.start(stop(listener_, connections_, stopped)); });
        stopped.get_future().wait();
        return echo_.refused;
    }

private:
    Echo echo_;
    net::Scope connections_;
    net::Scope stopping_;
    std::unique_ptr<net::Listener> listener_;
    net::testing::LoopThread thread_;
};

class AgainstOpenSsl : public ::testing::Test {
protected:
    std::unique_ptr<ServerContext> two_names() {
        auto certificates = std::make_shared<CertificateSources>(std::vector<std::shared_ptr<const Certificates>>{
            std::make_shared<Only>(ca_.server_identity({"a.example"})),
            std::make_shared<Only>(ca_.server_identity({"b.example"}))});
        return ServerContext::make(std::move(certificates), {}, disk_).value();
    }

    class Only final : public Certificates {
    public:
        explicit Only(std::shared_ptr<const Identity> identity) : identity_(std::move(identity)) {}
        [[nodiscard]] std::shared_ptr<const Identity> find(std::string_view name,
                                                           std::span<const std::string_view>) const override {
            return identity_->covers(name) ? identity_ : nullptr;
        }

    private:
        std::shared_ptr<const Identity> identity_;
    };

    DiskPool disk_{1};
    TestCa ca_;
};

TEST_F(AgainstOpenSsl, ShowsTheCertificateOfTheNameAskedFor) {
    const auto context = two_names();
    const Server server{*context, "hello"};

    EXPECT_EQ(RawClient(server.port(), {.server_name = "a.example"}).certificate_names(), "a.example");
    EXPECT_EQ(RawClient(server.port(), {.server_name = "b.example"}).certificate_names(), "b.example");
}

TEST_F(AgainstOpenSsl, RefusesANameWithoutACertificate) {
    const auto context = two_names();
    Server server{*context, "hello"};

    EXPECT_FALSE(RawClient(server.port(), {.server_name = "c.example"}).shaken());
    EXPECT_EQ(server.stop_now(), std::vector{Errc::unsupported});
}

TEST_F(AgainstOpenSsl, RefusesTls11) {
    const auto context = two_names();
    Server server{*context, "hello"};

    EXPECT_FALSE(RawClient(server.port(), {.server_name = "a.example", .max_version = TLS1_1_VERSION}).shaken());
    EXPECT_EQ(server.stop_now(), std::vector{Errc::unsupported});
}

TEST_F(AgainstOpenSsl, SpeaksTls12) {
    const auto context = two_names();
    const Server server{*context, "hello"};
    RawClient client{server.port(), {.server_name = "a.example", .max_version = TLS1_2_VERSION}};

    EXPECT_EQ(client.read(5), "hello");
    ASSERT_TRUE(client.write("echo"));
    EXPECT_EQ(client.read(4), "echo");
}

class Resumption : public AgainstOpenSsl, public ::testing::WithParamInterface<int> {
protected:
    SessionPtr session_with(std::uint16_t port, const std::string& name) {
        RawClient client{port, {.server_name = name, .max_version = GetParam()}};
        EXPECT_EQ(client.read(5), "hello");
        return client.session();
    }
    bool resumes(std::uint16_t port, const std::string& name, SSL_SESSION& session) {
        RawClient client{port, {.server_name = name, .max_version = GetParam(), .session = &session}};
        EXPECT_TRUE(client.shaken());
        return client.resumed();
    }
};

TEST_P(Resumption, WorksForTheSameName) {
    const auto context = two_names();
    const Server server{*context, "hello"};
    const auto session = session_with(server.port(), "a.example");

    EXPECT_TRUE(resumes(server.port(), "a.example", *session));
}

TEST_P(Resumption, NeverCrossesServerNames) {
    const auto context = ca_.server_context({"a.example", "b.example"}, disk_);
    const Server server{*context, "hello"};
    const auto session = session_with(server.port(), "a.example");

    EXPECT_FALSE(resumes(server.port(), "b.example", *session));
}

TEST_P(Resumption, GoesOnAfterAReloadThatChangesNothing) {
    const auto shown = std::make_shared<Only>(ca_.server_identity({"a.example"}));
    const auto context = ServerContext::make(shown, {}, disk_).value();
    const Server server{*context, "hello"};
    const auto session = session_with(server.port(), "a.example");
    ASSERT_TRUE(context->replace(shown, {}));

    EXPECT_TRUE(resumes(server.port(), "a.example", *session));
}

TEST_P(Resumption, NeverCrossesRulesForClientCertificates) {
    const auto shown = std::make_shared<Only>(ca_.server_identity({"a.example"}));
    const auto context = ServerContext::make(shown, {}, disk_).value();
    const Server server{*context, "hello"};
    const auto session = session_with(server.port(), "a.example");
    ASSERT_TRUE(
        context->replace(shown, {.client_certificate = ClientCertificate::optional, .client_roots = ca_.roots()}));

    EXPECT_FALSE(resumes(server.port(), "a.example", *session));
}

TEST_P(Resumption, NeverCrossesAuthoritiesOfClients) {
    const TestCa other;
    const auto shown = std::make_shared<Only>(ca_.server_identity({"a.example"}));
    const auto rule = ClientCertificate::optional;
    const auto made = ServerContext::make(shown, {.client_certificate = rule, .client_roots = ca_.roots()}, disk_);
    const auto& context = made.value();
    const Server server{*context, "hello"};
    const auto session = session_with(server.port(), "a.example");
    ASSERT_TRUE(resumes(server.port(), "a.example", *session));
    ASSERT_TRUE(context->replace(shown, {.client_certificate = rule, .client_roots = other.roots()}));

    EXPECT_FALSE(resumes(server.port(), "a.example", *session));
}

TEST_P(Resumption, EndsWithTheCertificateItWasMadeUnder) {
    const auto context = ServerContext::make(std::make_shared<Only>(ca_.server_identity({"a.example"})), {}, disk_);
    const Server server{**context, "hello"};
    const auto session = session_with(server.port(), "a.example");
    ASSERT_TRUE((*context)->replace(std::make_shared<Only>(ca_.server_identity({"a.example"})), {}));

    EXPECT_FALSE(resumes(server.port(), "a.example", *session));
}

INSTANTIATE_TEST_SUITE_P(Of, Resumption, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_F(AgainstOpenSsl, ChangesKeysOnRequestWhileAWriteIsBlocked) {
    const auto context = two_names();
    const std::string much(32 << 20, 'x');  // more than the sockets hold: the server's write waits for the client
    const Server server{*context, much};
    RawClient client{server.port(), {.server_name = "a.example"}};
    ASSERT_TRUE(client.shaken());

    ASSERT_EQ(SSL_key_update(&client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_TRUE(client.write("echo"));

    EXPECT_TRUE(client.read(much.size()) == much);
    EXPECT_EQ(client.read(4), "echo");
}

TEST_F(AgainstOpenSsl, DropsEarlyDataThatNoTicketAllowed) {
    const auto context = two_names();
    const Server server{*context, "hello"};
    RawClient first{server.port(), {.server_name = "a.example"}};
    EXPECT_EQ(first.read(5), "hello");
    const auto session = first.session();
    EXPECT_EQ(SSL_SESSION_get_max_early_data(session.get()), 0);

    RawClient again{server.port(), {.server_name = "a.example", .session = session.get(), .early_data = "POST"}};

    ASSERT_TRUE(again.shaken());
    EXPECT_TRUE(again.resumed());
    EXPECT_EQ(SSL_get_early_data_status(&again.ssl()), SSL_EARLY_DATA_REJECTED);
    ASSERT_TRUE(again.write("echo"));
    EXPECT_EQ(again.read(9), "helloecho");
}

TEST_F(AgainstOpenSsl, RefusesRenegotiation) {
    const auto context = two_names();
    const Server server{*context, "hello"};
    RawClient client{server.port(), {.server_name = "a.example", .max_version = TLS1_2_VERSION}};
    EXPECT_EQ(client.read(5), "hello");

    SSL_renegotiate(&client.ssl());

    EXPECT_NE(SSL_do_handshake(&client.ssl()), 1);
}

}  // namespace
}  // namespace longshore::tls

#include "telemetry/admin_handler.hpp"

#include "base/testing/manual_clock.hpp"
#include "net/testing/run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace longshore::telemetry {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct OneCounter : Measured {
    Counter counter;
    void measure(MetricWriter& into) const override {
        into.counter({"longshore_test_things_total", "Things.", "things"}, counter);
    }
};

class AdminHandlerTest : public ::testing::Test {
protected:
    http::Response ask(std::string method, std::string path, std::string host = "127.0.0.1") {
        http::Request request;
        request.method = std::move(method);
        request.target.authority.host = std::move(host);
        request.target.path = std::move(path);
        return net::testing::run(handler_.handle(std::move(request)));
    }
    static std::string body_of(const http::Response& response) {
        return std::string{std::get<net::Chunk>(response.body.content).text()};
    }

    bool broken_ = false;
    Readiness readiness_{{{"store", [this]() -> Result<> {
                               if (broken_) return Error{Errc::io, "disk \"a\" is full"};
                               return {};
                           }}}};
    longshore::testing::ManualClock clock_;
    boost::asio::io_context watched_;
    Pulse pulse_{clock_, {&watched_}, 10s};
    OneCounter counted_;
    AdminHandler handler_{{readiness_, pulse_, {&counted_}, {"Admin.Example"}}};
};

TEST_F(AdminHandlerTest, ServesMetricsAsTheyAreNow) {
    counted_.counter.add(7);

    const auto response = ask("GET", "/metrics");

    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.fields.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_THAT(body_of(response), HasSubstr("longshore_test_things_total 7\n"));
}

TEST_F(AdminHandlerTest, IsReadyUntilACheckFails) {
    const auto before = ask("GET", "/ready");
    EXPECT_EQ(before.status, 200);
    EXPECT_EQ(body_of(before), "{\"ready\":true,\"reasons\":[]}\n");

    broken_ = true;
    const auto after = ask("GET", "/ready");

    EXPECT_EQ(after.status, 503);
    EXPECT_EQ(body_of(after),
              R"({"ready":false,"reasons":[{"check":"store","reason":"i/o error: disk \"a\" is full"}]})"
              "\n");
}

TEST_F(AdminHandlerTest, IsNotReadyWhileDrainingButAlive) {
    readiness_.drain();
    broken_ = true;

    const auto response = ask("GET", "/ready");

    EXPECT_EQ(response.status, 503);
    EXPECT_THAT(body_of(response), HasSubstr(R"("reasons":[{"check":"draining",)"));
    EXPECT_THAT(body_of(response), HasSubstr(R"(},{"check":"store",)"));
    EXPECT_EQ(ask("GET", "/healthcheck").status, 200);
}

TEST_F(AdminHandlerTest, IsAliveUntilALoopIsStuck) {
    EXPECT_EQ(ask("GET", "/healthcheck").status, 200);
    clock_.advance(11s);

    const auto response = ask("GET", "/healthcheck");

    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(body_of(response), "stuck: loop 0\n");
}

TEST_F(AdminHandlerTest, ListsItsPages) {
    const auto response = ask("GET", "/");

    EXPECT_EQ(response.status, 200);
    for (const auto* page : {"/metrics", "/ready", "/healthcheck"}) EXPECT_THAT(body_of(response), HasSubstr(page));
}

TEST_F(AdminHandlerTest, AnswersHeadLikeGet) {
    const auto response = ask("HEAD", "/ready");

    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body.length, body_of(ask("GET", "/ready")).size());
}

TEST_F(AdminHandlerTest, RefusesOtherMethodsAndPages) {
    const auto response = ask("POST", "/metrics");
    EXPECT_EQ(response.status, 405);
    EXPECT_EQ(response.fields.get("allow"), "GET, HEAD");

    EXPECT_EQ(ask("GET", "/metrics/").status, 404);
    EXPECT_EQ(ask("GET", "/admin").status, 404);
    EXPECT_EQ(ask("OPTIONS", "*").status, 404);
    EXPECT_EQ(ask("CONNECT", "").status, 404);
}

TEST_F(AdminHandlerTest, AnswersOnlyForItself) {
    for (const auto* host : {"127.0.0.1", "[::1]", "192.0.2.7", "localhost", "admin.example", ""}) {
        EXPECT_TRUE(handler_.answers_for(host)) << host;
    }
    for (const auto* host : {"rebound.example", "127.0.0.1.example", "localhost.example", "[::1", "::1", "[]", "[x]",
                             "127.1", "0x7f000001", "2130706433", "sub.admin.example"}) {
        EXPECT_FALSE(handler_.answers_for(host)) << host;
    }
}

TEST_F(AdminHandlerTest, TellsAReboundPageNothing) {
    for (const auto* path : {"/", "/metrics", "/ready", "/healthcheck", "/other"}) {
        EXPECT_EQ(ask("GET", path, "rebound.example").status, 421) << path;
    }
}

}  // namespace
}  // namespace longshore::telemetry

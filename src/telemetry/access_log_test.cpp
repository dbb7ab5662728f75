#include "telemetry/access_log.hpp"

#include "base/testing/log_capture.hpp"
#include "telemetry/prometheus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace longshore::telemetry {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

http::Exchange manifest() {
    return {.method = "GET",
            .authority = "127.0.0.1:5000",
            .path = "/v2/library/alpine/manifests/3",
            .status = 200,
            .bytes_out = 528,
            .duration = 214us,
            .to_first_byte = 201us,
            .peer = "192.0.2.1:4711",
            .request_id = 1234,
            .user_agent = "docker/27.0"};
}

std::string metrics_of(const AccessLog& access) {
    const std::array<const Measured*, 1> all{&access};
    return prometheus_text(all);
}

TEST(AccessLog, WritesOneLineWithStableNames) {
    longshore::testing::LogCapture logged;
    AccessLog access{"mirror"};
    const std::vector<http::Note> notes{{"cache", std::string_view{"hit"}}, {"upstream_ms", std::uint64_t{12}}};
    auto exchange = manifest();
    exchange.notes = notes;

    access.ended(exchange);

    EXPECT_EQ(logged.lines(),
              "info request listener=mirror method=GET host=127.0.0.1:5000 path=/v2/library/alpine/manifests/3 "
              "status=200 bytes_in=0 bytes_out=528 ms=0.214 ttfb_ms=0.201 proto=HTTP/1.1 peer=192.0.2.1:4711 "
              "request_id=00000000000004d2 agent=docker/27.0 cache=hit upstream_ms=12\n");
}

TEST(AccessLog, SaysHowAnExchangeWasCut) {
    longshore::testing::LogCapture logged;
    AccessLog access{"mirror"};
    auto exchange = manifest();
    exchange.ending = http::Ending::cut;
    exchange.cause = Errc::corrupt;

    access.ended(exchange);

    EXPECT_THAT(logged.lines(), HasSubstr(" ending=cut cause=corrupt\n"));
    EXPECT_THAT(metrics_of(access),
                HasSubstr("longshore_telemetry_unfinished_requests_total{listener=\"mirror\",ending=\"cut\"} 1\n"));
}

TEST(AccessLog, NeverWritesAQuery) {
    longshore::testing::LogCapture logged;
    AccessLog access{"mirror"};
    auto exchange = manifest();
    exchange.path = "/token?password=secret";

    access.ended(exchange);

    EXPECT_THAT(logged.lines(), HasSubstr(" path=/token status="));
    EXPECT_THAT(logged.lines(), Not(HasSubstr("secret")));
}

TEST(AccessLog, AHostileRequestCannotForgeALineOrAField) {
    longshore::testing::LogCapture logged;
    AccessLog access{"mirror"};
    auto exchange = manifest();
    exchange.path = "/a status=200";
    exchange.user_agent = "x\ninfo request status=200";

    access.ended(exchange);

    EXPECT_EQ(std::ranges::count(logged.lines(), '\n'), 1);
    EXPECT_THAT(logged.lines(), HasSubstr(R"( path="/a status=200" status=200 )"));
}

TEST(AccessLog, TellsARequestThatWasNeverUnderstood) {
    longshore::testing::LogCapture logged;
    AccessLog access{"mirror"};

    access.ended({.status = 400, .peer = "192.0.2.1:4711"});

    EXPECT_THAT(logged.lines(), HasSubstr("method=\"\" host=\"\" path=\"\" status=400 "));
}

TEST(AccessLog, CountsByVersionAndStatusClass) {
    const longshore::testing::LogCapture quiet;
    AccessLog access{"mirror"};
    auto exchange = manifest();
    access.ended(exchange);
    access.ended(exchange);
    exchange.version = http::Version::http2;
    exchange.status = 503;
    exchange.bytes_in = 5;

    access.ended(exchange);

    const auto text = metrics_of(access);
    const std::string name = "longshore_telemetry_requests_total";
    EXPECT_THAT(text, HasSubstr(name + "{listener=\"mirror\",version=\"1.1\",status=\"2xx\"} 2\n"));
    EXPECT_THAT(text, HasSubstr(name + "{listener=\"mirror\",version=\"2\",status=\"5xx\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("longshore_telemetry_received_bytes_total{listener=\"mirror\"} 5\n"));
    EXPECT_THAT(text, HasSubstr("longshore_telemetry_sent_bytes_total{listener=\"mirror\"} 1584\n"));
    EXPECT_THAT(text, HasSubstr("longshore_telemetry_request_duration_seconds_count{listener=\"mirror\"} 3\n"));
}

TEST(AccessLog, DropsNotesBeyondItsLimitAndKeepsTheRest) {
    longshore::testing::LogCapture logged;
    AccessLog access{"mirror"};
    const std::vector<http::Note> notes(100, http::Note{"note", std::string{"text"}});
    auto exchange = manifest();
    exchange.notes = notes;

    access.ended(exchange);

    EXPECT_THAT(logged.lines(), HasSubstr(" note=text note=text"));
    EXPECT_LT(logged.lines().size(), 600U);
}

}  // namespace
}  // namespace longshore::telemetry

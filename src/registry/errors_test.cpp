#include "registry/errors.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

TEST(ErrorBody, IsWhatRegistryClientsRead) {
    EXPECT_EQ(
        error_body({404, ErrorCode::manifest_unknown, "manifest unknown", R"({"tag":"x"})"}),
        "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\",\"detail\":{\"tag\":\"x\"}}]}\n");
    EXPECT_EQ(error_body({429, ErrorCode::too_many_requests, "slow down", ""}),
              "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"slow down\"}]}\n");
}

TEST(ErrorBody, IsJsonWhateverTheMessageHolds) {
    std::string every_byte;
    for (int byte = 0; byte < 256; ++byte) every_byte.push_back(static_cast<char>(byte));

    const auto value = boost::json::parse(error_body({400, ErrorCode::unknown, every_byte, ""}));

    EXPECT_TRUE(value.at("errors").at(0).at("message").is_string());
}

TEST(ErrorBody, KeepsUtf8AndReplacesWhatIsNot) {
    EXPECT_EQ(json_string("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x9A\xA2"),
              "\"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x9A\xA2\"");
    EXPECT_EQ(json_string("\xC3"), "\"\xEF\xBF\xBD\"");
    EXPECT_EQ(json_string("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(Refuse, AnswersWithStatusTypeAndApiVersion) {
    const auto response = refuse(405, ErrorCode::unsupported, "this is a mirror: push to the registry itself");

    EXPECT_EQ(response.status, 405);
    EXPECT_EQ(response.fields.get("content-type"), "application/json");
    EXPECT_EQ(response.fields.get("docker-distribution-api-version"), "registry/2.0");
    EXPECT_GT(response.body.length.value_or(0), 0U);
}

}  // namespace
}  // namespace longshore::registry

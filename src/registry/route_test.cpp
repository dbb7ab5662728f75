#include "registry/route.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

const std::string k_hex(64, 'a');
const std::string k_digest = "sha256:" + k_hex;

Route route(std::string_view path) {
    auto parsed = parse_route(path);
    EXPECT_TRUE(parsed) << path;
    return parsed ? std::move(*parsed) : Route{};
}

void expect_refused(std::string_view path, ErrorCode code) {
    const auto parsed = parse_route(path);
    ASSERT_FALSE(parsed) << path;
    EXPECT_EQ(parsed.error().status, 400) << path;
    EXPECT_EQ(to_string(parsed.error().code), to_string(code)) << path;
}

TEST(Route, PingsWithAndWithoutASlash) {
    EXPECT_EQ(route("/v2").action, Action::ping);
    EXPECT_EQ(route("/v2/").action, Action::ping);
}

TEST(Route, FindsManifestsByTagAndByDigest) {
    const auto by_tag = route("/v2/library/alpine/manifests/3.20");
    const auto by_digest = route("/v2/alpine/manifests/" + k_digest);

    EXPECT_EQ(by_tag.action, Action::manifest);
    EXPECT_EQ(by_tag.name->text(), "library/alpine");
    EXPECT_EQ(by_tag.reference->tag()->text(), "3.20");
    EXPECT_EQ(by_digest.name->text(), "alpine");
    EXPECT_EQ(by_digest.reference->digest()->to_string(), k_digest);
}

TEST(Route, FindsBlobsReferrersTagsAndTheCatalog) {
    EXPECT_EQ(route("/v2/a/b/blobs/" + k_digest).action, Action::blob);
    EXPECT_EQ(route("/v2/a/b/blobs/" + k_digest).digest->to_string(), k_digest);
    EXPECT_EQ(route("/v2/a/b/blobs/" + k_digest).name->text(), "a/b");
    EXPECT_EQ(route("/v2/a/referrers/" + k_digest).action, Action::referrers);
    EXPECT_EQ(route("/v2/a/tags/list").action, Action::tags_list);
    EXPECT_EQ(route("/v2/a/tags/list").name->text(), "a");
    EXPECT_EQ(route("/v2/_catalog").action, Action::catalog);
}

TEST(Route, ReadsAPercentEncodedColon) {
    for (const auto* colon : {"%3A", "%3a"}) {
        EXPECT_EQ(route("/v2/a/blobs/sha256" + std::string{colon} + k_hex).digest->to_string(), k_digest);
        EXPECT_NE(route("/v2/a/manifests/sha256" + std::string{colon} + k_hex).reference->digest(), nullptr);
    }
    expect_refused("/v2/a/blobs/sha256%3A%3A" + k_hex, ErrorCode::digest_invalid);
}

TEST(Route, ReadsFromTheRightSoThatNamesMayHoldEveryWord) {
    EXPECT_EQ(route("/v2/manifests/blobs/tags/manifests/latest").name->text(), "manifests/blobs/tags");
    EXPECT_EQ(route("/v2/a/blobs/uploads/manifests/latest").name->text(), "a/blobs/uploads");
    EXPECT_EQ(route("/v2/a/blobs/uploads/blobs/" + k_digest).action, Action::blob);
    EXPECT_EQ(route("/v2/a/manifests/tags/list").name->text(), "a/manifests");
    EXPECT_EQ(route("/v2/tags/list/tags/list").name->text(), "tags/list");
    EXPECT_EQ(route("/v2/tags/list/manifests/list").action, Action::manifest);
    EXPECT_EQ(route("/v2/blobs/uploads/tags/list").action, Action::tags_list);
}

TEST(Route, KnowsEveryUploadPath) {
    for (const auto* path : {"/v2/a/b/blobs/uploads", "/v2/a/b/blobs/uploads/", "/v2/a/b/blobs/uploads/3f-1"}) {
        EXPECT_EQ(route(path).action, Action::upload) << path;
        EXPECT_EQ(route(path).name->text(), "a/b") << path;
    }
    EXPECT_EQ(route("/v2/a/blobs/uploads/uploads").action, Action::upload);
    EXPECT_EQ(route("/v2/blobs/uploads/blobs/uploads").name->text(), "blobs/uploads");
}

TEST(Route, RefusesBadDigestsWith400) {
    expect_refused("/v2/a/manifests/sha256:baddigeststring", ErrorCode::digest_invalid);
    expect_refused("/v2/a/blobs/latest", ErrorCode::digest_invalid);
    expect_refused("/v2/a/blobs/sha256:" + std::string(64, 'A'), ErrorCode::digest_invalid);
    expect_refused("/v2/a/blobs/md5:" + k_hex, ErrorCode::digest_invalid);
    expect_refused("/v2/a/referrers/x", ErrorCode::digest_invalid);
}

TEST(Route, RefusesBadNamesAndTagsWith400) {
    expect_refused("/v2/Alpine/manifests/latest", ErrorCode::name_invalid);
    expect_refused("/v2/library%2Falpine/manifests/latest", ErrorCode::name_invalid);
    expect_refused("/v2/manifests/latest", ErrorCode::name_invalid);
    expect_refused("/v2//manifests/latest", ErrorCode::name_invalid);
    expect_refused("/v2/tags/list", ErrorCode::name_invalid);
    expect_refused("/v2/a/_x/tags/list", ErrorCode::name_invalid);
    expect_refused("/v2/a/manifests/.x", ErrorCode::tag_invalid);
    expect_refused("/v2/a/manifests/" + std::string(129, 't'), ErrorCode::tag_invalid);
}

TEST(Route, IsUnknownForPathsOutsideTheApi) {
    for (const auto* path : {"", "/", "/v1/", "/v2x", "/v2/a", "/v2/a/b", "/v2/a/manifests", "/v2/a/manifests/",
                             "/v2/a/tags", "/v2/a/tags/list/", "/v2/_catalog/", "/v2//", "*"}) {
        EXPECT_EQ(route(path).action, Action::unknown) << path;
    }
}

TEST(Route, AllowsReadingOnly) {
    EXPECT_TRUE(is_read("GET"));
    EXPECT_TRUE(is_read("HEAD"));
    for (const auto* method : {"PUT", "POST", "PATCH", "DELETE", "get", ""}) EXPECT_FALSE(is_read(method)) << method;
}

}  // namespace
}  // namespace longshore::registry

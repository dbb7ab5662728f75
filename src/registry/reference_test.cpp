#include "registry/reference.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

TEST(RepositoryName, TakesWhatTheSpecificationAllows) {
    for (const auto* text : {"a", "alpine", "library/alpine", "a.b", "a_b", "a__b", "a-b", "a---b", "a/b/c/d", "0/1",
                             "manifests/blobs/tags", "ns/app.v2_x__y--z"}) {
        const auto name = RepositoryName::parse(text);
        ASSERT_TRUE(name) << text;
        EXPECT_EQ(name->text(), text);
    }
}

TEST(RepositoryName, RefusesEverythingElse) {
    for (const auto* text :
         {"",     "/",     "a/",   "/a",   "a//b", "A",  "aLpine", ".",        "..",  "a/../b", "a/.", ".a",  "a.",
          "a..b", "a___b", "a_-b", "a._b", "-a",   "a-", "_a",     "_catalog", "a b", "a%2Fb",  "a:b", "a@b", "ä"}) {
        const auto name = RepositoryName::parse(text);
        ASSERT_FALSE(name) << text;
        EXPECT_EQ(name.error().code, Errc::invalid);
    }
    EXPECT_FALSE(RepositoryName::parse(std::string_view{"a\0b", 3}));
}

TEST(RepositoryName, IsAtMost255BytesLong) {
    EXPECT_TRUE(RepositoryName::parse(std::string(255, 'a')));
    EXPECT_FALSE(RepositoryName::parse(std::string(256, 'a')));
}

TEST(Tag, TakesWhatTheSpecificationAllows) {
    for (const auto* text : {"latest", "3.20", "_x", "V1.0-rc_1", "0"}) EXPECT_TRUE(Tag::parse(text)) << text;
    EXPECT_TRUE(Tag::parse(std::string(128, 't')));
}

TEST(Tag, RefusesEverythingElse) {
    for (const auto* text : {"", ".", "..", ".a", "-a", "a b", "a/b", "a:b", "a%41", "ä"}) {
        EXPECT_FALSE(Tag::parse(text)) << text;
    }
    EXPECT_FALSE(Tag::parse(std::string(129, 't')));
    EXPECT_FALSE(Tag::parse(std::string_view{"a\0", 2}));
}

TEST(Reference, IsADigestWhenItHasAColonAndATagOtherwise) {
    const auto digest_text = "sha256:" + std::string(64, 'a');

    const auto tag = Reference::parse("latest").value();
    const auto digest = Reference::parse(digest_text).value();

    ASSERT_NE(tag.tag(), nullptr);
    EXPECT_EQ(tag.digest(), nullptr);
    EXPECT_EQ(tag.to_string(), "latest");
    ASSERT_NE(digest.digest(), nullptr);
    EXPECT_EQ(digest.tag(), nullptr);
    EXPECT_EQ(digest.to_string(), digest_text);
    EXPECT_FALSE(Reference::parse("sha256:short"));
}

}  // namespace
}  // namespace longshore::registry

#include "registry/manifest_store.hpp"

#include "registry/media_types.hpp"
#include "registry/testing/store_world.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

using testing::digest_of;
using testing::name;
using testing::StoreWorld;

const ManifestPlace k_alpine{"docker", name("library/alpine")};

Manifest manifest(std::string_view bytes) {
    return {digest_of(bytes), std::string{k_oci_manifest}, std::string{bytes}};
}

Tag tag(std::string_view text) { return Tag::parse(text).value(); }

TagEntry entry(std::string_view bytes, int checked_ms = 2000) {
    return {digest_of(bytes), std::string{k_oci_index}, bytes.size(), WallTime{std::chrono::milliseconds{1000}},
            WallTime{std::chrono::milliseconds{checked_ms}}};
}

const std::string k_path = "/data/manifests/docker/library/alpine";

TEST(ManifestStore, GivesBackTheExactBytesAndTheirType) {
    StoreWorld world;
    const std::string bytes{"{\n \"a\": 1}\r\n\0\xff tail\n", 21};

    ASSERT_TRUE(world.manifests->put_manifest(k_alpine, manifest(bytes)));

    const auto found = world.manifests->get_manifest(k_alpine, digest_of(bytes));
    ASSERT_TRUE(found) << to_string(found.error());
    EXPECT_EQ(found->bytes, bytes);
    EXPECT_EQ(found->media_type, k_oci_manifest);
    EXPECT_EQ(found->digest, digest_of(bytes));
}

TEST(ManifestStore, FindsAManifestOnlyInItsPlace) {
    StoreWorld world;
    ASSERT_TRUE(world.manifests->put_manifest(k_alpine, manifest("{}")));

    EXPECT_EQ(world.manifests->get_manifest({"quay", name("library/alpine")}, digest_of("{}")).error().code,
              Errc::not_found);
    EXPECT_EQ(world.manifests->get_manifest({"docker", name("library")}, digest_of("{}")).error().code,
              Errc::not_found);
    EXPECT_EQ(world.manifests->get_manifest(k_alpine, digest_of("[]")).error().code, Errc::not_found);
}

TEST(ManifestStore, RefusesWhatItCouldNotGiveBack) {
    StoreWorld world;
    auto other_bytes = manifest("{}");
    other_bytes.bytes = "[]";
    auto no_type = manifest("{}");
    no_type.media_type = "";
    auto split_type = manifest("{}");
    split_type.media_type = "a/b\r\nX: y";
    const auto sha512 = Digest::parse("sha512:" + std::string(128, 'a')).value();

    EXPECT_EQ(world.manifests->put_manifest(k_alpine, other_bytes).error().code, Errc::corrupt);
    EXPECT_EQ(world.manifests->put_manifest(k_alpine, no_type).error().code, Errc::invalid);
    EXPECT_EQ(world.manifests->put_manifest(k_alpine, split_type).error().code, Errc::invalid);
    EXPECT_EQ(world.manifests->put_manifest(k_alpine, {sha512, "a/b", ""}).error().code, Errc::unsupported);
    EXPECT_EQ(world.manifests->get_manifest(k_alpine, sha512).error().code, Errc::unsupported);
    EXPECT_TRUE(world.memory.all_files().empty());
}

TEST(ManifestStore, TakesFourMebibytesAndNotOneByteMore) {
    StoreWorld world;
    const std::string largest(ManifestStore::k_largest_manifest, ' ');

    ASSERT_TRUE(world.manifests->put_manifest(k_alpine, manifest(largest)));
    EXPECT_EQ(world.manifests->put_manifest(k_alpine, manifest(largest + " ")).error().code, Errc::too_large);
    EXPECT_EQ(world.manifests->get_manifest(k_alpine, digest_of(largest))->bytes.size(), largest.size());
}

TEST(ManifestStore, DropsARottenManifestAndDoesNotFindIt) {
    const auto path = k_path + "/_digests/sha256/" + std::string{digest_of("{\"a\":1}").hex()};
    StoreWorld model;
    ASSERT_TRUE(model.manifests->put_manifest(k_alpine, manifest("{\"a\":1}")));
    const auto bits = read_whole(model.memory, path, 4096)->size() * 8;
    for (std::uint64_t bit = 0; bit < bits; ++bit) {
        StoreWorld world;
        ASSERT_TRUE(world.manifests->put_manifest(k_alpine, manifest("{\"a\":1}")));
        world.memory.rot(path, bit);

        EXPECT_EQ(world.manifests->get_manifest(k_alpine, digest_of("{\"a\":1}")).error().code, Errc::not_found) << bit;
        EXPECT_TRUE(world.memory.all_files().empty()) << bit;
    }
}

TEST(ManifestStore, KeepsAFileItCannotReadForNow) {
    StoreWorld world;
    ASSERT_TRUE(world.manifests->put_manifest(k_alpine, manifest("{}")));
    world.files.fail_call(1, EMFILE);

    EXPECT_EQ(world.manifests->get_manifest(k_alpine, digest_of("{}")).error().code, Errc::overloaded);
    EXPECT_TRUE(world.manifests->get_manifest(k_alpine, digest_of("{}")));
}

TEST(ManifestStore, RemembersWhatATagMeant) {
    StoreWorld world;
    ASSERT_TRUE(world.manifests->put_tag(k_alpine, tag("latest"), entry("old")));
    ASSERT_TRUE(world.manifests->put_tag(k_alpine, tag("latest"), entry("new", 5000)));
    ASSERT_TRUE(world.manifests->put_tag(k_alpine, tag("3.20"), entry("old")));

    EXPECT_EQ(world.manifests->get_tag(k_alpine, tag("latest")).value(), entry("new", 5000));
    EXPECT_EQ(world.manifests->get_tag(k_alpine, tag("3.20")).value(), entry("old"));
    EXPECT_EQ(world.manifests->get_tag(k_alpine, tag("edge")).error().code, Errc::not_found);
}

TEST(ManifestStore, DropsTagsAndManifests) {
    StoreWorld world;
    ASSERT_TRUE(world.manifests->put_tag(k_alpine, tag("latest"), entry("x")));
    ASSERT_TRUE(world.manifests->put_manifest(k_alpine, manifest("{}")));

    ASSERT_TRUE(world.manifests->drop_tag(k_alpine, tag("latest")));
    ASSERT_TRUE(world.manifests->drop_manifest(k_alpine, digest_of("{}")));

    EXPECT_TRUE(world.memory.all_files().empty());
    EXPECT_TRUE(world.manifests->drop_tag(k_alpine, tag("latest")));
}

TEST(ManifestStore, DropsARottenTag) {
    StoreWorld world;
    ASSERT_TRUE(world.manifests->put_tag(k_alpine, tag("latest"), entry("x")));
    world.memory.rot(k_path + "/_tags/latest", 100);

    EXPECT_EQ(world.manifests->get_tag(k_alpine, tag("latest")).error().code, Errc::not_found);
    EXPECT_TRUE(world.memory.all_files().empty());
}

TEST(ManifestStore, TellsRepositoriesApartFromTheirParents) {
    StoreWorld world;
    const ManifestPlace parent{"docker", name("a")};
    const ManifestPlace child{"docker", name("a/b")};
    ASSERT_TRUE(world.manifests->put_tag(parent, tag("b"), entry("parent")));
    ASSERT_TRUE(world.manifests->put_tag(child, tag("_tags"), entry("child")));

    EXPECT_EQ(world.manifests->get_tag(parent, tag("b"))->digest, digest_of("parent"));
    EXPECT_EQ(world.manifests->get_tag(child, tag("_tags"))->digest, digest_of("child"));
}

}  // namespace
}  // namespace longshore::registry

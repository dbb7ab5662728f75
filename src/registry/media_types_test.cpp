#include "registry/media_types.hpp"

#include <gtest/gtest.h>

#include <string>

namespace longshore::registry {
namespace {

TEST(Acceptable, TakesEverythingWithoutAnAccept) {
    EXPECT_TRUE(acceptable(std::nullopt, k_oci_index));
    EXPECT_TRUE(acceptable("", k_oci_index));
    EXPECT_TRUE(acceptable(" , ,", k_oci_index));
}

TEST(Acceptable, FindsATypeAnywhereInTheList) {
    const auto accept =
        std::string{k_docker_list} + " ;q=0.5, " + std::string{k_oci_index} + "," + std::string{k_oci_manifest};

    EXPECT_TRUE(acceptable(accept, k_oci_index));
    EXPECT_TRUE(acceptable(accept, k_docker_list));
    EXPECT_FALSE(acceptable(accept, k_docker_manifest));
}

TEST(Acceptable, ComparesWithoutCaseAndWithoutParametersOfTheStoredType) {
    EXPECT_TRUE(acceptable("Application/VND.oci.image.index.v1+JSON", k_oci_index));
    EXPECT_TRUE(acceptable("application/json", "application/json; charset=utf-8"));
}

TEST(Acceptable, KnowsWildcards) {
    EXPECT_TRUE(acceptable("text/html, */*;q=0.1", k_oci_index));
    EXPECT_TRUE(acceptable("application/*", k_oci_index));
    EXPECT_FALSE(acceptable("text/*", k_oci_index));
    EXPECT_FALSE(acceptable("text/html", k_oci_index));
}

TEST(Acceptable, LetsTheMostSpecificRangeRefuse) {
    const auto index = std::string{k_oci_index};
    EXPECT_FALSE(acceptable("*/*, " + index + ";q=0", k_oci_index));
    EXPECT_FALSE(acceptable(index + ";q=0.000, */*", k_oci_index));
    EXPECT_TRUE(acceptable("application/*;q=0, " + index + ";q=0.001", k_oci_index));
    EXPECT_FALSE(acceptable("application/*; q=0, */*", k_oci_index));
    EXPECT_FALSE(acceptable("*/*;q=0", k_oci_index));
    EXPECT_TRUE(acceptable(index + ";q=0," + index, k_oci_index));
}

TEST(Acceptable, IgnoresElementsThatCannotBeRead) {
    EXPECT_TRUE(acceptable("rubbish, /, a/, */json", k_oci_index));
    EXPECT_FALSE(acceptable("rubbish, text/plain", k_oci_index));
}

TEST(AcceptedManifests, HoldEveryTypeThatRegistriesStore) {
    for (const auto type : {k_oci_index, k_oci_manifest, k_docker_list, k_docker_manifest,
                            std::string_view{"application/vnd.docker.distribution.manifest.v1+prettyjws"},
                            std::string_view{"application/vnd.docker.distribution.manifest.v1+json"}}) {
        EXPECT_NE(k_accept_manifests.find(type), std::string_view::npos) << type;
        EXPECT_TRUE(acceptable(k_accept_manifests, type));
    }
}

}  // namespace
}  // namespace longshore::registry

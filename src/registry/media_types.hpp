// Manifest media types: what to ask upstream for, and whether a caller takes what is stored.
//
// Upstream is always asked with the full list, whatever the caller sent: some registries answer 404 when the stored
// type is missing from Accept. The stored type goes to the caller unchanged, or not at all.
// Threads: pure functions.
// Source:  RFC 9110 §12.5.1; OCI image-spec, media-types.md.
#pragma once

#include <optional>
#include <string_view>

namespace longshore::registry {

inline constexpr std::string_view k_oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view k_oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view k_docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view k_docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";

// The value of Accept for every manifest request to an upstream.
inline constexpr std::string_view k_accept_manifests =
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.5, "
    "application/vnd.docker.distribution.manifest.v1+json;q=0.5, "
    "*/*;q=0.1";

// Whether `accept` (all Accept fields joined by commas; nothing when there are none) takes `stored_type`. The most
// specific range decides; q=0 refuses. Elements that cannot be read do not count; without any other, all is taken.
[[nodiscard]] bool acceptable(std::optional<std::string_view> accept, std::string_view stored_type) noexcept;

}  // namespace longshore::registry

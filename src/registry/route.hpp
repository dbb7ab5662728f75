// What a /v2/ path asks for.
//
// Repository names may contain the words `manifests`, `blobs`, `tags`, so a path is read from the right: its last
// components decide. `path` is the canonical path of http::Target; a percent-encoded colon in a digest is
// understood, an encoded slash is not. The method is judged apart, so that a push is told 405 and not 404.
// Threads: pure functions.
// Errors:  a Refusal: 400 NAME_INVALID, DIGEST_INVALID or TAG_INVALID.
// Source:  OCI distribution-spec, "Endpoints".
#pragma once

#include "registry/errors.hpp"
#include "registry/reference.hpp"

#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace longshore::registry {

enum class Action : std::uint8_t {
    ping,       // /v2, /v2/
    manifest,   // name, reference
    blob,       // name, digest
    tags_list,  // name
    referrers,  // name, digest
    catalog,    // /v2/_catalog
    upload,     // name; every /blobs/uploads path
    unknown     // nothing of the API
};

struct Route {
    Action action = Action::unknown;
    std::optional<RepositoryName> name;
    std::optional<Reference> reference;  // manifest
    std::optional<Digest> digest;        // blob, referrers
};

[[nodiscard]] boost::system::result<Route, Refusal> parse_route(std::string_view path);

// GET and HEAD, all that a mirror allows.
[[nodiscard]] bool is_read(std::string_view method) noexcept;

}  // namespace longshore::registry

#include "registry/route.hpp"

#include <array>

namespace longshore::registry {
namespace {

using Parsed = boost::system::result<Route, Refusal>;

Refusal bad(ErrorCode code, std::string message) { return {400, code, std::move(message), {}}; }

// The part of a path behind its last slash, which is taken off `path`; all of it when there is no slash.
std::string_view take_last(std::string_view& path) {
    const auto slash = path.find_last_of('/');
    const auto last = slash == std::string_view::npos ? path : path.substr(slash + 1);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
    return last;
}

// Digests are the only place where a legal path may hold an encoded character.
std::string with_plain_colon(std::string_view text) {
    std::string plain{text};
    const auto encoded = plain.find("%3");
    if (encoded != std::string::npos && encoded + 2 < plain.size() && (plain[encoded + 2] | 0x20) == 'a') {
        plain.replace(encoded, 3, ":");
    }
    return plain;
}

Parsed with_name(Route route, std::string_view name) {
    auto parsed = RepositoryName::parse(name);
    if (!parsed) return bad(ErrorCode::name_invalid, parsed.error().where);
    route.name = std::move(*parsed);
    return route;
}

Parsed with_digest(Action action, std::string_view name, std::string_view text) {
    auto digest = Digest::parse(with_plain_colon(text));
    if (!digest) return bad(ErrorCode::digest_invalid, digest.error().where);
    Route route{action};
    route.digest = std::move(*digest);
    return with_name(std::move(route), name);
}

Parsed with_reference(std::string_view name, std::string_view text) {
    const auto plain = with_plain_colon(text);
    auto reference = Reference::parse(plain);
    if (!reference) {
        const bool is_digest = plain.find(':') != std::string::npos;
        return bad(is_digest ? ErrorCode::digest_invalid : ErrorCode::tag_invalid, reference.error().where);
    }
    Route route{Action::manifest};
    route.reference = std::move(*reference);
    return with_name(std::move(route), name);
}

// blobs/uploads, blobs/uploads/ and blobs/uploads/<session>
std::optional<std::string_view> upload_name(std::string_view path) {
    auto last = take_last(path);
    if (last != "uploads" || !(path == "blobs" || path.ends_with("/blobs"))) last = take_last(path);
    if (last != "uploads" || take_last(path) != "blobs") return std::nullopt;
    return path;
}

}  // namespace

Parsed parse_route(std::string_view path) {
    if (path == "/v2" || path == "/v2/") return Route{Action::ping};
    if (path == "/v2/_catalog") return Route{Action::catalog};
    if (!path.starts_with("/v2/")) return Route{Action::unknown};
    const auto rest = path.substr(4);
    auto name = rest;
    const auto last = take_last(name);
    const auto kind = take_last(name);
    if (kind == "manifests" && !last.empty()) return with_reference(name, last);
    if (kind == "tags" && last == "list") return with_name(Route{Action::tags_list}, name);
    if (kind == "referrers" && !last.empty()) return with_digest(Action::referrers, name, last);
    if (const auto upload = upload_name(rest)) return with_name(Route{Action::upload}, *upload);
    if (kind == "blobs" && !last.empty()) return with_digest(Action::blob, name, last);
    return Route{Action::unknown};
}

bool is_read(std::string_view method) noexcept { return method == "GET" || method == "HEAD"; }

}  // namespace longshore::registry

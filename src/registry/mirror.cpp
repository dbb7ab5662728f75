#include "registry/mirror.hpp"

#include "base/log.hpp"
#include "http/range.hpp"
#include "net/wait.hpp"
#include "registry/media_types.hpp"
#include "registry/scrub.hpp"

namespace longshore::registry {
namespace {

constexpr std::uint64_t k_scrub_rate = std::uint64_t{8} * 1024 * 1024;  // bytes per second
constexpr std::chrono::seconds k_scrub_pause{1};

// Some clients say "anonymous" with empty Basic credentials (":" in base64).
bool is_anonymous(const http::Request& request) {
    const auto authorization = request.fields.get("authorization");
    return !authorization || *authorization == "Basic Og==" || *authorization == "Basic ";
}

bool asks_for_sha512(const Route& route) {
    const auto* const digest = route.digest ? &*route.digest : route.reference ? route.reference->digest() : nullptr;
    return digest != nullptr && digest->algorithm() == Digest::Algorithm::sha512;
}

http::Response ping() {
    http::Response response;
    response.fields.add("content-type", "application/json");
    response.fields.add("docker-distribution-api-version", "registry/2.0");
    response.body = http::Body::of(net::Chunk::of_static("{}"));
    return response;
}

http::Response not_allowed() {
    auto response = refuse(405, ErrorCode::unsupported, "this is a mirror: it serves pulls and takes no pushes");
    response.fields.add("allow", "GET, HEAD");
    return response;
}

std::string_view name_of(Manifests::How how) {
    switch (how) {
        case Manifests::How::hit:
            return "hit";
        case Manifests::How::revalidated:
            return "revalidated";
        case Manifests::How::fetched:
            return "miss";
        case Manifests::How::stale:
            return "stale";
    }
    return "hit";
}

void count(UpstreamCounters& counters, Manifests::How how, std::uint64_t bytes) {
    (how == Manifests::How::fetched ? counters.manifest_misses : counters.manifest_hits).add();
    if (how == Manifests::How::stale) counters.manifest_stale.add();
    counters.served.add(bytes);
}

void add_content_fields(http::Fields& fields, std::string_view type, const std::string& digest) {
    fields.add("content-type", type);
    fields.add("docker-content-digest", digest);
    fields.add("docker-distribution-api-version", "registry/2.0");
    std::string etag;
    etag.reserve(digest.size() + 2);
    fields.add("etag", etag.append(1, '"').append(digest).append(1, '"'));
}

void add_blob_fields(http::Fields& fields, const std::string& digest) {
    add_content_fields(fields, "application/octet-stream", digest);
    fields.add("accept-ranges", "bytes");
    fields.add("cache-control", "max-age=31536000, immutable");
}

bool has_already(const http::Request& request, std::string_view digest) {
    return request.fields.get_or("if-none-match", {}).find(digest) != std::string_view::npos;
}

http::Response not_acceptable(const std::string& media_type) {
    return refuse(404, ErrorCode::manifest_unknown,
                  "the manifest is " + media_type + ", which the request does not accept");
}

http::Response manifest_response(std::string_view type, const std::string& digest, Manifests::How how) {
    http::Response response;
    add_content_fields(response.fields, type, digest);
    if (how == Manifests::How::stale) response.fields.add("warning", "110 longshore \"Response is Stale\"");
    response.notes.push_back({"cache", name_of(how)});
    return response;
}

// The one part of the blob that the request selects; the whole when it asks for several, which is always allowed.
http::RangeSelection selection(const http::Request& request, const std::string& digest, std::uint64_t size) {
    const auto range = request.fields.get("range");
    if (!range) return {};
    const auto condition = request.fields.get("if-range");
    if (condition && !http::if_range_matches(*condition, "\"" + digest + "\"")) return {};
    auto selected = http::select_ranges(*range, size);
    if (selected.parts.size() > 1) return {};
    return selected;
}

}  // namespace

Mirror::Mirror(Parts parts, Settings settings)
    : parts_(std::move(parts)),
      tables_(parts_.shards.size(), {settings.upstreams}),
      upstream_({parts_.shards, parts_.metrics, parts_.load, loops_}),
      health_(parts_.metrics.store_failing),
      manifests_({parts_.shards, upstream_, parts_.manifests, parts_.disk, parts_.metrics, health_},
                 settings.manifests),
      blobs_({parts_.shards, upstream_, parts_.blobs, parts_.disk, parts_.metrics, health_}) {}

void Mirror::set(const Settings& settings) {
    tables_[net::Loop::current().index()].push_back(settings.upstreams);
    manifests_.set(settings.manifests);
}

Task<http::Response> Mirror::handle(http::Request request) {
    auto route = parse_route(request.target.path);
    if (!is_read(request.method)) co_return not_allowed();
    auto passed = loops_.passed(request.fields);
    if (!passed) {
        if (passed.error().status == 508) parts_.metrics.loops.add();
        co_return refuse(passed.error());
    }
    const auto& upstreams = *tables_[net::Loop::current().index()].back();
    const auto* const upstream = upstreams.for_host(request.target.authority);
    if (upstream == nullptr) co_return refuse(upstreams.unknown_host(request.target.authority));
    if (!is_anonymous(request)) {
        co_return refuse(403, ErrorCode::denied,
                         "this mirror serves public images only and cannot check a login; pull without one "
                         "(docker logout for this host), or from the registry itself");
    }
    if (!route) co_return refuse(route.error());
    if (asks_for_sha512(*route)) {
        co_return refuse(400, ErrorCode::digest_invalid, "this mirror keeps content by sha256 only");
    }
    switch (route->action) {
        case Action::ping:
            co_return ping();
        case Action::manifest: {
            auto response = co_await manifest(request, *upstream, std::move(*route), std::move(*passed));
            co_return response;
        }
        case Action::blob: {
            auto response = co_await blob(request, *upstream, std::move(*route), std::move(*passed));
            co_return response;
        }
        case Action::tags_list:
        case Action::referrers:
        case Action::catalog:
            co_return refuse(404, ErrorCode::unsupported, "this mirror serves manifests and blobs, no lists");
        case Action::upload:
        case Action::unknown:
            break;
    }
    co_return refuse(404, ErrorCode::unsupported, "not a path of the registry API; it starts with /v2/");
}

Task<http::Response> Mirror::manifest(const http::Request& request, const Upstream& upstream, Route route,
                                      std::string passed) {
    if (request.method == "HEAD") {
        auto response = co_await manifest_head(request, upstream, std::move(route), std::move(passed));
        co_return response;
    }
    auto found = co_await manifests_.get(upstream, upstream.complete(*route.name), std::move(*route.reference),
                                         std::move(passed));
    if (!found) co_return refuse(found.error());
    const auto& manifest = *found->manifest;
    if (!acceptable(request.fields.joined("accept"), manifest.media_type))
        co_return not_acceptable(manifest.media_type);
    count(parts_.metrics.of(upstream), found->how, manifest.bytes.size());
    auto response = manifest_response(manifest.media_type, manifest.digest_text, found->how);
    if (has_already(request, manifest.digest_text)) {
        response.status = 304;
    } else {
        response.body = http::Body::of(manifest.bytes);
    }
    co_return response;
}

Task<http::Response> Mirror::manifest_head(const http::Request& request, const Upstream& upstream, Route route,
                                           std::string passed) {
    auto named = co_await manifests_.head(upstream, upstream.complete(*route.name), std::move(*route.reference),
                                          std::move(passed));
    if (!named) co_return refuse(named.error());
    const auto& entry = named->entry;
    if (!acceptable(request.fields.joined("accept"), entry.media_type)) co_return not_acceptable(entry.media_type);
    count(parts_.metrics.of(upstream), named->how, 0);
    const auto digest = entry.digest.to_string();
    auto response = manifest_response(entry.media_type, digest, named->how);
    if (has_already(request, digest)) response.status = 304;
    response.body.length = entry.size;
    co_return response;
}

Task<http::Response> Mirror::blob(const http::Request& request, const Upstream& upstream, Route route,
                                  std::string passed) {
    auto repository = upstream.complete(*route.name);
    auto digest = std::move(*route.digest);
    if (request.method == "HEAD" || has_already(request, digest.to_string())) {
        auto response =
            co_await blob_head(request, upstream, std::move(repository), std::move(digest), std::move(passed));
        co_return response;
    }
    auto located = co_await blobs_.locate(upstream, std::move(repository), digest, std::move(passed));
    if (!located) co_return refuse(located.error());
    auto& counters = parts_.metrics.of(upstream);
    (located->hit ? counters.blob_hits : counters.blob_misses).add();
    co_return blob_body(request, counters, digest, std::move(*located));
}

Task<http::Response> Mirror::blob_head(const http::Request& request, const Upstream& upstream,
                                       RepositoryName repository, Digest digest, std::string passed) {
    const auto text = digest.to_string();
    auto size = co_await blobs_.size(upstream, std::move(repository), std::move(digest), std::move(passed));
    if (!size) co_return refuse(size.error());
    http::Response response;
    add_blob_fields(response.fields, text);
    if (has_already(request, text)) response.status = 304;
    response.body.length = size->bytes;
    response.notes.push_back({"cache", std::string_view{size->hit ? "hit" : "miss"}});
    co_return response;
}

http::Response Mirror::blob_body(const http::Request& request, UpstreamCounters& counters, const Digest& digest,
                                 Blobs::Located located) {
    const auto text = digest.to_string();
    http::Response response;
    std::uint64_t first = 0;
    auto end = located.size;
    if (located.size) {
        const auto selected = selection(request, text, *located.size);
        if (selected.kind == http::RangeSelection::Kind::unsatisfiable) {
            auto refusal = refuse(416, ErrorCode::range_invalid, "the range lies outside of the blob");
            refusal.fields.add("content-range", http::unsatisfied_content_range(*located.size));
            return refusal;
        }
        if (selected.kind == http::RangeSelection::Kind::parts) {
            const auto part = selected.parts.front();
            response.status = 206;
            response.fields.add("content-range", http::content_range(part, *located.size));
            first = part.first;
            end = part.last + 1;
        }
    }
    add_blob_fields(response.fields, text);
    response.notes.push_back({"cache", std::string_view{located.hit ? "hit" : "miss"}});
    const auto length = end ? std::optional{*end - first} : std::nullopt;
    counters.served.add(length.value_or(0));
    response.body = std::move(located).body(first, end);
    return response;
}

void Mirror::keep_house() { parts_.shards.here().scope.start(scrub(*this)); }

Task<> Mirror::scrub(Mirror& self) {
    auto& loop = net::Loop::current();
    Scrub walk{self.parts_.blobs, k_scrub_rate, loop.now()};
    for (;;) {
        const auto slept = co_await net::sleep(loop.now() + k_scrub_pause);
        if (slept.code == Errc::cancelled) co_return;
        auto step = [&walk, &loop] { return walk.step(loop.now()); };
        auto report = co_await self.parts_.disk.run(step);
        if (!report) {
            log(LogLevel::warning, "scrub_failed", {{"why", to_string(report.error())}});
            continue;
        }
        for (const auto& rotten : report->rotten) {
            log(LogLevel::error, "blob_corrupt", {{"digest", rotten.digest.to_string()}, {"why", rotten.why}});
            auto drop = [&self, &rotten] { return self.parts_.blobs.drop(rotten.digest, rotten.facts); };
            const auto dropped = co_await self.parts_.disk.run(drop);
            if (dropped && *dropped) self.parts_.metrics.corrupt.add();
            self.blobs_.let_go(rotten.digest);
        }
    }
}

Task<> Mirror::close() {
    auto& scope = parts_.shards.here().scope;
    scope.cancel();
    co_await scope.join();
}

}  // namespace longshore::registry

// The registry API a mirror answers: GET and HEAD of manifests and blobs, for every upstream.
//
// The upstream is chosen by Host. Only what upstream gives to anonymous callers is served: a caller that sends
// credentials of its own is refused, since nobody here can check them. Every refusal is registry JSON.
//
// Ownership: everything passed in outlives it; `co_await close()` on each loop after its server has ended.
// Threads:   any loop of the shards.
// Source:    OCI distribution-spec v1.1, "Pull".
#pragma once

#include "http/message.hpp"
#include "registry/blobs.hpp"
#include "registry/manifests.hpp"
#include "registry/route.hpp"
#include "registry/upstreams.hpp"

namespace longshore::registry {

class Mirror final : public http::Handler {
public:
    struct Parts {
        const Upstreams& upstreams;
        const Shards& shards;
        ManifestStore& manifests;
        BlobStore& blobs;
        DiskPool& disk;
        Metrics& metrics;
    };
    Mirror(Parts parts, Manifests::Options options);

    [[nodiscard]] Task<http::Response> handle(http::Request request) override;
    // Starts the scrub, on the calling loop: stored blobs are hashed again, slowly, and rotten ones dropped.
    void keep_house();
    // Ends what runs on the calling loop beyond requests.
    [[nodiscard]] Task<> close();

private:
    [[nodiscard]] static Task<> scrub(Mirror& self);
    [[nodiscard]] Task<http::Response> manifest(const http::Request& request, const Upstream& upstream, Route route);
    [[nodiscard]] Task<http::Response> blob(const http::Request& request, const Upstream& upstream, Route route);
    [[nodiscard]] Task<http::Response> blob_head(const Upstream& upstream, RepositoryName repository, Digest digest);
    [[nodiscard]] http::Response blob_body(const http::Request& request, UpstreamCounters& counters,
                                           const Digest& digest, Blobs::Located located);

    Parts parts_;
    UpstreamClient upstream_;
    Manifests manifests_;
    Blobs blobs_;
};

}  // namespace longshore::registry

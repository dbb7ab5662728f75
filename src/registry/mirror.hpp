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
        const Shards& shards;
        ManifestStore& manifests;
        BlobStore& blobs;
        DiskPool& disk;
        Metrics& metrics;
        const http::Load& load;  // what memory is left decides whether upstream is asked
    };
    // What a reload may change. Every table given stays alive until the mirror is destroyed: a fetch may outlive it.
    struct Settings {
        std::shared_ptr<const Upstreams> upstreams;
        Manifests::Options manifests;
    };
    Mirror(Parts parts, Settings settings);
    // On the calling loop, from the next request on; call it on every loop.
    void set(const Settings& settings);

    [[nodiscard]] Task<http::Response> handle(http::Request request) override;
    // Starts the scrub, on the calling loop: stored blobs are hashed again, slowly, and rotten ones dropped.
    void keep_house();
    // Ends what runs on the calling loop beyond requests.
    [[nodiscard]] Task<> close();

private:
    [[nodiscard]] static Task<> scrub(Mirror& self);
    [[nodiscard]] Task<http::Response> manifest(const http::Request& request, const Upstream& upstream, Route route,
                                                std::string passed);
    [[nodiscard]] Task<http::Response> manifest_head(const http::Request& request, const Upstream& upstream,
                                                     Route route, std::string passed);
    [[nodiscard]] Task<http::Response> blob(const http::Request& request, const Upstream& upstream, Route route,
                                            std::string passed);
    [[nodiscard]] Task<http::Response> blob_head(const http::Request& request, const Upstream& upstream,
                                                 RepositoryName repository, Digest digest, std::string passed);
    [[nodiscard]] http::Response blob_body(const http::Request& request, UpstreamCounters& counters,
                                           const Digest& digest, Blobs::Located located);

    Parts parts_;
    std::vector<std::vector<std::shared_ptr<const Upstreams>>> tables_;  // by loop, the newest last
    LoopGuard loops_;
    UpstreamClient upstream_;
    StoreHealth health_;
    Manifests manifests_;
    Blobs blobs_;
};

}  // namespace longshore::registry

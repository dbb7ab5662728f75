// Manifests by tag or digest: from memory, from disk, from upstream.
//
// A digest is immutable: once stored, upstream is never asked again. A tag is believed for its TTL and then checked
// by HEAD, which costs no pull; the manifest is fetched only when the digest changed. When upstream cannot be asked,
// the tag as last known is served and said to be stale. Every manifest is hashed before it is stored or served.
//
// Threads: any loop of the shards. Errors: a Failure, for the caller.
// Source:  registry-specific rules of OCI distribution-spec "Pulling manifests"; RFC 9110 §13.
#pragma once

#include "base/disk_pool.hpp"
#include "base/steady_wall.hpp"
#include "registry/hot_manifests.hpp"
#include "registry/manifest_store.hpp"
#include "registry/store_health.hpp"
#include "registry/upstream_client.hpp"

#include <chrono>
#include <memory>
#include <vector>

namespace longshore::registry {

class Manifests {
public:
    struct Parts {
        const Shards& shards;
        UpstreamClient& upstream;
        ManifestStore& store;
        DiskPool& disk;
        Metrics& metrics;
        StoreHealth& health;
    };
    struct Options {
        std::chrono::nanoseconds tag_ttl = std::chrono::seconds{60};
        std::size_t manifest_limit = ManifestStore::k_largest_manifest;  // bytes
        std::size_t memory_limit = std::size_t{16} * 1024 * 1024;        // bytes, over all loops
    };
    Manifests(Parts parts, Options options);

    enum class How : std::uint8_t { hit, revalidated, fetched, stale };
    struct Found {
        ManifestPtr manifest;
        How how;
        Deadline fresh_until;
    };
    // What HEAD wants.
    struct Named {
        TagEntry entry;
        How how;
        Deadline fresh_until;
    };
    // `repository` as upstream knows it; `upstream` outlives the call; `passed`: as in UpstreamClient::Question.
    [[nodiscard]] Task<Fetched<Found>> get(const Upstream& upstream, RepositoryName repository, Reference reference,
                                           std::string passed);
    // As `get`, without fetching a manifest that is not here: that would count as a pull.
    [[nodiscard]] Task<Fetched<Named>> head(const Upstream& upstream, RepositoryName repository, Reference reference,
                                            std::string passed);
    // From the next question on. On each loop.
    void set(Options options);

private:
    struct Wanted {
        const Upstream& upstream;
        RepositoryName repository;
        std::string passed;
        [[nodiscard]] ManifestPlace place() const { return {upstream.name, repository}; }
    };
    struct Seat {
        Seat(net::Scope& scope, std::size_t limit_bytes, Options set)
            : hot(limit_bytes), flights(scope), names(scope), options(set) {}
        HotManifests hot;
        SingleFlight<Fetched<Found>> flights;
        SingleFlight<Fetched<Named>> names;
        Options options;
    };

    [[nodiscard]] static UpstreamClient::Question question(const Wanted& wanted, std::string method,
                                                           std::string_view reference);
    [[nodiscard]] Seat& here() { return *seats_[net::Loop::current().index()]; }
    [[nodiscard]] std::optional<Found> in_memory(const std::string& key);
    void remember(const std::string& key, const Found& found);
    [[nodiscard]] Task<Fetched<Found>> get_at_home(Wanted wanted, Reference reference, std::string key);
    [[nodiscard]] Task<Fetched<Found>> resolve(Wanted wanted, Reference reference);
    [[nodiscard]] Task<Fetched<Found>> resolve_digest(Wanted wanted, Digest digest);
    [[nodiscard]] Task<Fetched<Found>> resolve_tag(Wanted wanted, Tag tag);
    [[nodiscard]] Task<Fetched<Named>> head_at_home(Wanted wanted, Reference reference, std::string key);
    [[nodiscard]] Task<Fetched<Named>> name_digest(Wanted wanted, Digest digest);
    [[nodiscard]] Task<Fetched<Named>> name_tag(Wanted wanted, Tag tag);
    [[nodiscard]] Task<Fetched<Named>> ask_name(Wanted wanted, std::string reference);
    [[nodiscard]] Task<std::optional<TagEntry>> known_tag(Wanted wanted, Tag tag);
    [[nodiscard]] bool is_fresh(const TagEntry& entry);
    [[nodiscard]] Task<Fetched<Found>> check_tag(Wanted wanted, Tag tag, std::optional<TagEntry> known);
    [[nodiscard]] Task<Fetched<Found>> fetch_tag(Wanted wanted, Tag tag, std::optional<TagEntry> known,
                                                 std::optional<Digest> named);
    [[nodiscard]] Task<Fetched<Found>> stand_in(Wanted wanted, std::optional<TagEntry> known, Failure failure);
    [[nodiscard]] Task<> drop_tag(Wanted wanted, Tag tag);
    [[nodiscard]] Task<ManifestPtr> load(Wanted wanted, Digest digest);
    [[nodiscard]] Task<Fetched<ManifestPtr>> fetch(Wanted wanted, std::string reference,
                                                   std::optional<Digest> expected);
    [[nodiscard]] Task<> save_tag(Wanted wanted, Tag tag, TagEntry entry);

    // Of everything that is put into the store.
    void note(const Result<>& saved);
    [[nodiscard]] Deadline fresh_until();

    Parts parts_;
    SteadyWall wall_;  // a clock that is set makes no tag younger or older
    std::vector<std::unique_ptr<Seat>> seats_;
};

}  // namespace longshore::registry

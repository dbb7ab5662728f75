// Blobs: from disk when an upstream repository vouches for them, else fetched once for everybody.
//
// A blob is served to a repository only after the upstream of that repository served it or confirmed it (HEAD):
// the record says which. Whatever the number of clients and repositories, one fetch is under way for a digest;
// all of them stream from its first byte. A fetch goes on when its clients leave. What the disk does not take is passed
// on instead: fetched for each client, proved, not kept; a second later storing is tried again.
//
// Threads: any loop of the shards. Errors: a Failure, for the caller.
#pragma once

#include "base/disk_pool.hpp"
#include "registry/blob_store.hpp"
#include "registry/fill.hpp"
#include "registry/passing.hpp"
#include "registry/store_health.hpp"
#include "registry/upstream_client.hpp"

#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace longshore::registry {

class Blobs {
public:
    struct Parts {
        const Shards& shards;
        UpstreamClient& upstream;
        BlobStore& store;
        DiskPool& disk;
        Metrics& metrics;
        StoreHealth& health;
    };
    explicit Blobs(Parts parts);
    ~Blobs();

    // A blob of `repository` (as upstream knows it): stored and proved, being fetched or proved, or passed on.
    struct Located {
        std::shared_ptr<const File> file;
        FileFacts facts;                    // of `file`, when it was proved
        std::optional<std::uint64_t> size;  // bytes; nothing: not known until the end
        std::shared_ptr<Fill> fill;
        std::unique_ptr<Passing> passing;  // the disk does not take it
        bool hit = true;                   // no content had to come from upstream
        // Bytes [first, end) for a response; no `end`: all there is.
        [[nodiscard]] http::Body body(std::uint64_t first, std::optional<std::uint64_t> end) &&;
    };
    // `upstream` outlives the call and the fetch that it may start; `passed`: as in UpstreamClient::Question.
    [[nodiscard]] Task<Fetched<Located>> locate(const Upstream& upstream, RepositoryName repository, Digest digest,
                                                std::string passed);
    // What HEAD wants: never downloads.
    struct Size {
        std::uint64_t bytes = 0;
        bool hit = true;
    };
    [[nodiscard]] Task<Fetched<Size>> size(const Upstream& upstream, RepositoryName repository, Digest digest,
                                           std::string passed);
    // The file of this blob was removed: it keeps its room on the disk until no loop has it open.
    void let_go(const Digest& digest);

private:
    struct Wanted {
        const Upstream& upstream;
        RepositoryName repository;
        Digest digest;
        std::string passed;
        [[nodiscard]] Voucher voucher() const { return {upstream.name, repository}; }
    };
    class OpenBlobs;
    struct Seat;

    [[nodiscard]] Seat& here();
    [[nodiscard]] UpstreamClient::Question question(const Wanted& wanted, std::string method) const;
    [[nodiscard]] Task<Fetched<Located>> locate_at_home(Wanted wanted);
    [[nodiscard]] Task<Fetched<Size>> size_at_home(Wanted wanted);
    [[nodiscard]] Task<Fetched<Located>> join(Wanted wanted, std::shared_ptr<Fill> fill);
    [[nodiscard]] Task<Fetched<Located>> from_store(Wanted wanted, StoredBlob blob);
    [[nodiscard]] Task<std::optional<Failure>> have_vouched(Wanted wanted);
    [[nodiscard]] Task<Fetched<Located>> pass(Wanted wanted, BegunBlob begun = {});
    [[nodiscard]] Fill::Rest rest_of(const Wanted& wanted);
    [[nodiscard]] static Task<Fetched<std::unique_ptr<http::BodySource>>> pass_rest(
        Blobs& self, std::shared_ptr<const Upstream> kept, Wanted wanted, Fill::Broken broken);
    [[nodiscard]] Failure store_failed(const Error& error);
    [[nodiscard]] Task<bool> drop_unreadable(const Digest& digest, Error why);
    [[nodiscard]] std::shared_ptr<Fill> start_fetch(const Wanted& wanted);
    [[nodiscard]] std::shared_ptr<Fill> start_proof(const Wanted& wanted, StoredBlob blob);
    [[nodiscard]] static Task<> fetch(Blobs& self, Wanted wanted, std::shared_ptr<Fill> fill);
    [[nodiscard]] static Task<> make_writer(Blobs& self, const Digest& digest,
                                            std::optional<Result<BlobWriter>>& writer);
    [[nodiscard]] Task<> receive(const Wanted& wanted, std::shared_ptr<Fill> fill, http::Response answer,
                                 BlobWriter& writer);
    [[nodiscard]] Task<> abandon(BlobWriter& writer);
    [[nodiscard]] static Task<> prove(Blobs& self, Wanted wanted, StoredBlob blob, std::shared_ptr<Fill> fill);
    void forget(const Fill& fill);

    Parts parts_;
    std::vector<std::unique_ptr<Seat>> seats_;
};

}  // namespace longshore::registry

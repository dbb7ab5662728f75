#include "registry/blobs.hpp"

#include "base/log.hpp"
#include "net/on_loop.hpp"
#include "registry/intake.hpp"

#include <algorithm>

namespace longshore::registry {
namespace {

constexpr std::size_t k_open_blobs = 256;                    // kept open on each loop
constexpr std::size_t k_proof_slice = std::size_t{1} << 20;  // bytes hashed per turn of the disk pool

Failure unstored() { return {{500, ErrorCode::unknown, "the mirror's disk failed; see its log", {}}, false, {}, true}; }

std::string voucher_key(const Voucher& voucher) { return voucher.upstream + "/" + voucher.repository.text(); }

}  // namespace

// Proved blobs with an open file, most recently used first. A blob whose file changed since is not given out.
class Blobs::OpenBlobs {
public:
    struct Entry {
        Digest digest;
        std::shared_ptr<const File> file;
        FileFacts facts;
        std::vector<std::string> vouchers;
    };

    [[nodiscard]] const Entry* find(const Digest& digest, const std::string& voucher) {
        const auto found = index_.find(digest);
        if (found == index_.end()) return nullptr;
        auto& entry = *found->second;
        const auto facts = entry.file->facts();
        if (!facts || *facts != entry.facts) {
            entries_.erase(found->second);
            index_.erase(found);
            return nullptr;
        }
        if (std::ranges::find(entry.vouchers, voucher) == entry.vouchers.end()) return nullptr;
        entries_.splice(entries_.begin(), entries_, found->second);
        return &entry;
    }

    void put(const Digest& digest, std::shared_ptr<const File> file, const FileFacts& facts, std::string voucher) {
        if (const auto found = index_.find(digest); found != index_.end()) {
            if (found->second->facts == facts) {
                found->second->vouchers.push_back(std::move(voucher));
                return;
            }
            entries_.erase(found->second);
            index_.erase(found);
        }
        entries_.push_front({digest, std::move(file), facts, {std::move(voucher)}});
        index_.emplace(digest, entries_.begin());
        if (entries_.size() <= k_open_blobs) return;
        index_.erase(entries_.back().digest);
        entries_.pop_back();
    }

    void forget(const Digest& digest) {
        const auto found = index_.find(digest);
        if (found == index_.end()) return;
        entries_.erase(found->second);
        index_.erase(found);
    }

private:
    std::list<Entry> entries_;
    std::unordered_map<Digest, std::list<Entry>::iterator> index_;
};

struct Blobs::Seat {
    OpenBlobs open;
    std::map<Digest, std::shared_ptr<Fill>> fills;  // of the digests at home here
};

Blobs::Blobs(Parts parts) : parts_(std::move(parts)) {
    for (std::size_t i = 0; i < parts_.shards.size(); ++i) seats_.push_back(std::make_unique<Seat>());
}

Blobs::~Blobs() = default;

Blobs::Seat& Blobs::here() { return *seats_[net::Loop::current().index()]; }

UpstreamClient::Question Blobs::question(const Wanted& wanted, std::string method) const {
    return {.upstream = wanted.upstream,
            .repository = wanted.repository,
            .method = std::move(method),
            .path = "blobs/" + wanted.digest.to_string(),
            .accept = {},
            .unknown = ErrorCode::blob_unknown,
            .passed = wanted.passed};
}

Task<Fetched<Blobs::Located>> Blobs::locate(const Upstream& upstream, RepositoryName repository, Digest digest,
                                            std::string passed) {
    Wanted wanted{upstream, std::move(repository), std::move(digest), std::move(passed)};
    auto voucher = voucher_key(wanted.voucher());
    if (const auto* open = here().open.find(wanted.digest, voucher)) {
        co_return Located{.file = open->file, .facts = open->facts, .size = open->facts.size};
    }
    auto& home = parts_.shards.home(wanted.digest.hash());
    auto located = co_await net::on_loop(home.loop, locate_at_home(wanted));
    if (!located && located.error().unstored) {
        auto passing = co_await pass(std::move(wanted));
        co_return passing;
    }
    if (located && !located->fill) {
        here().open.put(wanted.digest, located->file, located->facts, std::move(voucher));
    }
    co_return located;
}

Task<Fetched<Blobs::Located>> Blobs::locate_at_home(Wanted wanted) {
    auto& fills = here().fills;
    for (bool dropped = false;;) {
        if (const auto found = fills.find(wanted.digest); found != fills.end()) {
            auto joined = co_await join(wanted, found->second);
            co_return joined;
        }
        auto open = [this, &wanted] { return parts_.store.open(wanted.digest); };
        auto stored = co_await parts_.disk.run(open);
        if (fills.contains(wanted.digest)) continue;  // somebody was faster
        if (stored) {
            auto located = co_await from_store(wanted, std::move(*stored));
            co_return located;
        }
        if (stored.error().code != Errc::not_found) {
            if (dropped) co_return unstored();
            dropped = co_await drop_unreadable(wanted.digest, stored.error());
            if (!dropped) co_return unstored();
            continue;
        }
        if (parts_.health.rests(net::Loop::current().now())) co_return unstored();
        const auto fill = start_fetch(wanted);
        auto joined = co_await join(wanted, fill);
        if (joined) joined->hit = false;
        co_return joined;
    }
}

// A blob that is being fetched or proved. Its failure to start is the caller's too only when it was fetched from the
// caller's own repository; else the caller's repository is asked itself.
Task<Fetched<Blobs::Located>> Blobs::join(Wanted wanted, std::shared_ptr<Fill> fill) {
    auto started = co_await fill->started();
    if (!started) co_return Failure{{503, ErrorCode::unknown, "the request was given up", {}}, false, {}};
    if (fill->state() == Fill::State::failed) {
        if (fill->vouched(wanted.voucher())) co_return fill->failure();
        auto located = co_await locate_at_home(std::move(wanted));
        co_return located;
    }
    if (!fill->vouched(wanted.voucher())) {
        auto refused = co_await have_vouched(wanted);
        if (refused) co_return std::move(*refused);
        fill->vouchers().push_back(wanted.voucher());
    }
    co_return Located{.size = fill->total(), .fill = fill, .hit = false};
}

Task<Fetched<Blobs::Located>> Blobs::from_store(Wanted wanted, StoredBlob blob) {
    const bool vouched = blob.record && blob.record->vouched(wanted.upstream.name, wanted.repository);
    if (!vouched) {
        auto refused = co_await have_vouched(wanted);
        if (refused) co_return std::move(*refused);
        auto add = [this, &wanted] { return parts_.store.vouch(wanted.digest, wanted.voucher()); };
        (void)co_await parts_.disk.run(add);
    }
    if (blob.unchanged) co_return Located{.file = blob.file, .facts = blob.facts, .size = blob.facts.size};
    auto& fills = here().fills;
    const auto found = fills.find(wanted.digest);
    const auto fill = found != fills.end() ? found->second : start_proof(wanted, std::move(blob));
    if (!fill->vouched(wanted.voucher())) fill->vouchers().push_back(wanted.voucher());
    auto started = co_await fill->started();
    if (!started) co_return Failure{{503, ErrorCode::unknown, "the request was given up", {}}, false, {}};
    if (fill->state() == Fill::State::failed) co_return fill->failure();
    co_return Located{.size = fill->total(), .fill = fill};
}

// Asks the caller's repository whether it has the blob. Nothing: it has.
Task<std::optional<Failure>> Blobs::have_vouched(Wanted wanted) {
    auto size = co_await parts_.upstream.blob_size(question(wanted, "HEAD"));
    if (size) co_return std::nullopt;
    co_return size.error();
}

Task<Fetched<Blobs::Size>> Blobs::size(const Upstream& upstream, RepositoryName repository, Digest digest,
                                       std::string passed) {
    Wanted wanted{upstream, std::move(repository), std::move(digest), std::move(passed)};
    if (const auto* open = here().open.find(wanted.digest, voucher_key(wanted.voucher())))
        co_return Size{open->facts.size};
    auto& home = parts_.shards.home(wanted.digest.hash());
    auto size = co_await net::on_loop(home.loop, size_at_home(std::move(wanted)));
    co_return size;
}

Task<Fetched<Blobs::Size>> Blobs::size_at_home(Wanted wanted) {
    const auto& fills = here().fills;
    if (const auto found = fills.find(wanted.digest); found != fills.end()) {
        const auto& fill = *found->second;
        if (fill.state() != Fill::State::failed && fill.total() && fill.vouched(wanted.voucher()))
            co_return Size{*fill.total()};
    }
    auto open = [this, &wanted] { return parts_.store.open(wanted.digest); };
    auto stored = co_await parts_.disk.run(open);
    if (stored && stored->record && stored->record->vouched(wanted.upstream.name, wanted.repository)) {
        co_return Size{stored->facts.size};
    }
    auto size = co_await parts_.upstream.blob_size(question(wanted, "HEAD"));
    if (!size) co_return size.error();
    if (stored) {
        auto add = [this, &wanted] { return parts_.store.vouch(wanted.digest, wanted.voucher()); };
        (void)co_await parts_.disk.run(add);
    }
    co_return Size{*size, false};
}

http::Body Blobs::Located::body(std::uint64_t first, std::optional<std::uint64_t> end) && {
    const auto length = end ? std::optional{*end - first} : std::nullopt;
    if (fill) return http::Body::of(fill->reader(first, end), length);
    if (!passing) return http::Body::of(net::FileRange{file, first, *length});
    passing->select(first, end);
    return http::Body::of(std::move(passing), length);
}

// The disk does not take it: straight from upstream to one client. An upstream without ranges sends what is begun, too.
Task<Fetched<Blobs::Located>> Blobs::pass(Wanted wanted, BegunBlob begun) {
    parts_.metrics.unstored.add();
    auto asked = question(wanted, "GET");
    asked.first = begun.size;
    auto answer = co_await parts_.upstream.ask(std::move(asked));
    if (!answer) co_return answer.error();
    if (answer->status != 206) begun = {};
    const auto size = answer->body.length;
    Located located{.size = size, .hit = false};
    located.passing = std::make_unique<Passing>(std::move(answer->body), wanted.digest, parts_.disk, std::move(begun));
    co_return located;
}

Fill::Rest Blobs::rest_of(const Wanted& wanted) {
    const auto upstream = std::make_shared<const Upstream>(wanted.upstream);
    return [this, upstream, own = Wanted{*upstream, wanted.repository, wanted.digest, wanted.passed}](
               Fill::Broken broken) { return pass_rest(*this, upstream, own, std::move(broken)); };
}

// `upstream` is kept while `wanted` refers to it.
Task<Fetched<std::unique_ptr<http::BodySource>>> Blobs::pass_rest(Blobs& self, std::shared_ptr<const Upstream>,
                                                                  Wanted wanted, Fill::Broken broken) {
    auto passed = co_await self.pass(std::move(wanted), std::move(broken.begun));
    if (!passed) co_return passed.error();
    passed->passing->select(broken.first, broken.end);
    co_return std::move(passed->passing);
}

Failure Blobs::store_failed(const Error& error) {
    parts_.health.failed(error, net::Loop::current().now());
    return unstored();
}

void Blobs::let_go(const Digest& digest) {
    for (std::size_t i = 0; i < seats_.size(); ++i) {
        net::tell(parts_.shards.at(i).loop, [&seat = *seats_[i], digest] { seat.open.forget(digest); });
    }
}

// Whether it is gone now: then it can be fetched again. One that stays is passed on until it goes.
Task<bool> Blobs::drop_unreadable(const Digest& digest, Error why) {
    auto drop = [this, &digest] { return parts_.store.drop(digest, {}); };
    const auto dropped = co_await parts_.disk.run(drop);
    const bool gone = dropped && *dropped;
    if (gone) {
        parts_.metrics.corrupt.add();
        log(LogLevel::error, "blob_unreadable", {{"digest", digest.to_string()}, {"why", to_string(why)}});
        let_go(digest);
    } else {
        parts_.health.noticed(why, net::Loop::current().now());
    }
    co_return gone;
}

std::shared_ptr<Fill> Blobs::start_fetch(const Wanted& wanted) {
    auto& shard = parts_.shards.here();
    auto fill = std::make_shared<Fill>(shard.loop, wanted.digest, wanted.voucher());
    fill->set_rest(rest_of(wanted));
    here().fills.emplace(wanted.digest, fill);
    shard.scope.start(fetch(*this, wanted, fill));
    return fill;
}

std::shared_ptr<Fill> Blobs::start_proof(const Wanted& wanted, StoredBlob blob) {
    auto& shard = parts_.shards.here();
    auto fill = std::make_shared<Fill>(shard.loop, wanted.digest, wanted.voucher());
    here().fills.emplace(wanted.digest, fill);
    shard.scope.start(prove(*this, wanted, std::move(blob), fill));
    return fill;
}

void Blobs::forget(const Fill& fill) {
    auto& fills = here().fills;
    const auto found = fills.find(fill.digest());
    if (found != fills.end() && found->second.get() == &fill) fills.erase(found);
}

Task<> Blobs::fetch(Blobs& self, Wanted wanted, std::shared_ptr<Fill> fill) {
    self.parts_.metrics.fills.add();
    std::optional<Result<BlobWriter>> writer;
    net::Scope meanwhile;
    meanwhile.start(make_writer(self, wanted.digest, writer));  // while the registry answers
    auto answer = co_await self.parts_.upstream.ask(self.question(wanted, "GET"));
    co_await meanwhile.join();
    if (!answer) {
        fill->fail(answer.error());
    } else if (!*writer) {
        fill->fail(self.store_failed(writer->error()));
    } else {
        co_await self.receive(wanted, fill, std::move(*answer), **writer);
    }
    if (writer && *writer) co_await self.abandon(**writer);
    self.forget(*fill);
    self.parts_.metrics.fills.subtract();
}

Task<> Blobs::make_writer(Blobs& self, const Digest& digest, std::optional<Result<BlobWriter>>& writer) {
    co_await net::yield();  // the question is on its way first
    auto begin = [&self, &digest] { return self.parts_.store.begin(digest, std::nullopt); };
    writer = co_await self.parts_.disk.run(begin);
}

// After a commit nothing is left to abandon.
Task<> Blobs::abandon(BlobWriter& writer) {
    if (writer.settled()) co_return;
    auto remove = [&writer] {
        writer.abandon();
        return true;
    };
    co_await parts_.disk.run(remove);
}

Task<> Blobs::receive(const Wanted& wanted, std::shared_ptr<Fill> fill, http::Response answer, BlobWriter& writer) {
    writer.expect(answer.body.length);
    fill->begin(writer.file(), answer.body.length);
    auto& fetched = parts_.metrics.of(wanted.upstream).fetched;
    const Intake::Watchers watchers{
        .first = [&fill](std::span<const std::byte> bytes) { fill->start_with(bytes); },
        .grown =
            [&fill, &fetched, before = std::uint64_t{0}](std::uint64_t written) mutable {
                fetched.add(written - std::exchange(before, written));
                fill->grow(written);
            },
    };
    Intake intake{answer.body, writer, parts_.disk, here().fills.size(), watchers};
    auto digest = co_await intake.run();
    if (!digest && intake.disk_failed()) {
        fill->fail(store_failed(digest.error()));
        co_return;
    }
    const auto written = writer.written();
    const bool short_body = answer.body.length && written != *answer.body.length;
    if (!digest || *digest != wanted.digest || short_body) {
        const auto why = !digest ? to_string(digest.error()) : "the bytes do not match the digest";
        log(LogLevel::warning, "fetch_failed",
            {{"upstream", wanted.upstream.name},
             {"digest", wanted.digest.to_string()},
             {"bytes", written},
             {"why", why}});
        fill->fail({{502, ErrorCode::unknown, "registry " + wanted.upstream.name + " did not send the whole blob", {}},
                    true,
                    {}});
        co_return;
    }
    fill->complete(written);
    const auto vouchers = fill->vouchers();
    auto commit = [&writer, &vouchers, &wanted] { return writer.commit(wanted.digest, vouchers); };
    auto committed = co_await parts_.disk.run(commit);
    if (!committed) {
        parts_.health.failed(committed.error(), net::Loop::current().now());
        let_go(wanted.digest);
        co_return;
    }
    parts_.health.worked();
    while (fill->vouchers().size() > vouchers.size()) {
        auto late = std::move(fill->vouchers().back());
        fill->vouchers().pop_back();
        auto vouch = [this, &wanted, &late] { return parts_.store.vouch(wanted.digest, late); };
        (void)co_await parts_.disk.run(vouch);
    }
}

// Hashes a stored blob whose file is not as its record says, while readers have all of it but the last byte.
Task<> Blobs::prove(Blobs& self, Wanted wanted, StoredBlob blob, std::shared_ptr<Fill> fill) {
    fill->begin(blob.file, blob.facts.size);
    fill->grow(blob.facts.size);
    Sha256 hash;
    std::vector<std::byte> buffer(k_proof_slice);
    bool readable = true;
    for (std::uint64_t offset = 0; readable && offset < blob.facts.size;) {
        auto slice = [&]() -> std::size_t {
            const auto got = blob.file->read_at(offset, buffer);
            if (got) hash.update(std::span{buffer}.first(*got));
            return got ? *got : 0;
        };
        const auto got = co_await self.parts_.disk.run(slice);
        offset += got;
        readable = got != 0;
    }
    if (readable && hash.finish() == wanted.digest) {
        auto confirm = [&self, &wanted, &blob] { return self.parts_.store.confirm(wanted.digest, blob.facts); };
        (void)co_await self.parts_.disk.run(confirm);
        fill->complete(blob.facts.size);
    } else {
        log(LogLevel::error, "blob_corrupt", {{"digest", wanted.digest.to_string()}});
        auto drop = [&self, &wanted, &blob] { return self.parts_.store.drop(wanted.digest, blob.facts); };
        const auto dropped = co_await self.parts_.disk.run(drop);
        if (dropped && *dropped) self.parts_.metrics.corrupt.add();
        self.let_go(wanted.digest);
        fill->fail({{502, ErrorCode::unknown, "the cached blob was damaged and is dropped; try again", {}}, true, {}});
    }
    self.forget(*fill);
}

}  // namespace longshore::registry

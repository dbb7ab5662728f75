#include "registry/scrub.hpp"

#include <algorithm>

namespace longshore::registry {
namespace {

constexpr std::size_t k_slice = std::size_t{256} * 1024;  // bytes
constexpr std::uint64_t k_cost_of_open = 4096;            // bytes: so that empty blobs end a step, too
constexpr unsigned k_shards = 256;

// The last digest in order that a cursor may name; behind it the walk goes on.
std::optional<Digest> parse_cursor(std::string_view cursor) {
    auto digest = Digest::parse("sha256:" + std::string{cursor});
    return digest ? std::optional{std::move(*digest)} : std::nullopt;
}

unsigned shard_of(const Digest& digest) {
    return static_cast<unsigned>(std::stoul(std::string{digest.hex().substr(0, 2)}, nullptr, 16));
}

}  // namespace

Scrub::Scrub(BlobStore& store, std::uint64_t bytes_per_second, Deadline now, std::string_view cursor)
    : store_(store), rate_(bytes_per_second), last_(now) {
    const auto behind = parse_cursor(cursor);
    if (!behind) return;
    cursor_ = cursor;
    shard_ = shard_of(*behind);
}

void Scrub::earn(Deadline now) {
    const auto elapsed =
        std::clamp<std::chrono::nanoseconds>(now - last_, std::chrono::nanoseconds{0}, std::chrono::seconds{1});
    const auto earned =
        static_cast<std::uint64_t>(static_cast<double>(rate_) * std::chrono::duration<double>(elapsed).count());
    if (earned == 0) return;  // too early: counted from the same moment next time
    last_ = now;
    allowance_ = std::min(allowance_ + earned, rate_);
}

Result<ScrubReport> Scrub::step(Deadline now) {
    earn(now);
    ScrubReport report;
    while (allowance_ > 0 && !report.round_ended) {
        if (!current_) {
            auto found = next_blob(report);
            if (!found) return found.error();
            if (!*found) continue;
        }
        read_some(report);
    }
    return report;
}

// True when there is a blob to read. Goes at most one blob or one shard on.
Result<bool> Scrub::next_blob(ScrubReport& report) {
    if (!waiting_) {
        auto listed = store_.shard(static_cast<std::uint8_t>(shard_));
        waiting_.emplace();
        if (!listed) return listed.error();
        std::ranges::copy_if(*listed, std::back_inserter(*waiting_),
                             [&](const Digest& digest) { return digest.hex() > cursor_; });
        std::ranges::reverse(*waiting_);
    }
    if (waiting_->empty()) {
        waiting_.reset();
        shard_ = (shard_ + 1) % k_shards;
        report.round_ended = shard_ == 0;
        if (report.round_ended) cursor_.clear();
        return false;
    }
    auto digest = std::move(waiting_->back());
    waiting_->pop_back();
    return begin(std::move(digest), report);
}

bool Scrub::begin(Digest digest, ScrubReport& report) {
    allowance_ -= std::min(allowance_, k_cost_of_open);
    auto blob = store_.open(digest);
    if (blob) {
        current_.emplace(Current{std::move(digest), std::move(*blob), Sha256{}});
        return true;
    }
    cursor_ = digest.hex();
    if (blob.error().code == Errc::not_found) (void)store_.drop(digest, {});
    if (blob.error().code == Errc::io || blob.error().code == Errc::denied)
        report.rotten.push_back({std::move(digest), {}, blob.error().where});
    return false;
}

void Scrub::read_some(ScrubReport& report) {
    buffer_.resize(k_slice);
    const auto wanted = std::clamp<std::uint64_t>(allowance_, 1, k_slice);
    const auto got = current_->blob.file->read_at(current_->offset, std::span{buffer_}.first(wanted));
    if (!got) return give_up(got.error(), report);
    if (*got == 0) return finish(report);
    current_->hash.update(std::span{buffer_}.first(*got));
    current_->offset += *got;
    allowance_ -= std::min<std::uint64_t>(allowance_, *got);
    report.bytes += *got;
}

void Scrub::give_up(const Error& error, ScrubReport& report) {
    if (error.code == Errc::io) report.rotten.push_back({current_->digest, current_->blob.facts, error.where});
    leave(report);
}

void Scrub::finish(ScrubReport& report) {
    const auto facts = current_->blob.file->facts();
    const bool same_file = facts && *facts == current_->blob.facts;
    if (same_file && current_->hash.finish() != current_->digest) {
        report.rotten.push_back({current_->digest, *facts, "the bytes do not match the digest"});
    } else if (same_file && !current_->blob.unchanged) {
        const auto confirmed = store_.confirm(current_->digest, *facts);
        if (!confirmed && confirmed.error().code == Errc::io) {
            report.rotten.push_back({current_->digest, *facts, confirmed.error().where});
        }
    }
    leave(report);
}

void Scrub::leave(ScrubReport& report) {
    cursor_ = current_->digest.hex();
    current_.reset();
    ++report.blobs;
}

}  // namespace longshore::registry

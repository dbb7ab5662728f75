#include "registry/intake.hpp"

#include "net/scope.hpp"
#include "net/slab.hpp"

#include <algorithm>

namespace longshore::registry {

Intake::Intake(http::Body& body, BlobWriter& writer, DiskPool& disk, std::size_t at_once, Watchers watchers)
    : body_(body),
      writer_(writer),
      disk_(disk),
      watchers_(std::move(watchers)),
      batch_limit_(std::clamp(k_memory / 3 / std::max<std::size_t>(at_once, 1), k_smallest_batch, k_largest_batch)) {}

Task<Result<Digest>> Intake::run() {
    net::Scope scope;
    scope.start(read(*this));
    auto written = co_await write();
    given_up_ = true;
    changed_.notify();
    scope.cancel();
    co_await scope.join();
    disk_failed_ = !written && written.error().code != Errc::too_large;
    if (!written) co_return written.error();
    if (read_failure_) co_return *read_failure_;
    auto finish = [this] { return hash_.finish(); };
    auto digest = co_await disk_.run(finish);
    co_return digest;
}

Task<> Intake::read(Intake& self) {
    while (!self.given_up_) {
        if (self.queued_ >= 2 * self.batch_limit_) {
            auto waited = co_await self.changed_.wait(Deadline::max());
            if (!waited) break;
            continue;
        }
        auto event = co_await self.body_.next(net::SlabPool::k_large);
        if (!event) {
            self.read_failure_ = event.error();
            break;
        }
        auto* const chunk = std::get_if<net::Chunk>(&*event);
        if (chunk == nullptr) break;
        if (chunk->empty()) continue;
        if (!std::exchange(self.begun_, true)) self.watchers_.first(chunk->bytes);
        self.queued_ += chunk->size();
        self.queue_.push_back(std::move(*chunk));
        if (self.queue_.size() > 1) continue;
        self.changed_.notify();
        co_await net::yield();  // the writer begins before more is read
    }
    self.ended_ = true;
    self.changed_.notify();
}

// Small at first, so that the first bytes reach their readers at once; then larger, so that hand-overs are few.
std::vector<net::Chunk> Intake::take_batch() {
    std::size_t bytes = 0;
    auto end = queue_.begin();
    while (end != queue_.end() && bytes < batch_bytes_) bytes += (end++)->size();
    std::vector<net::Chunk> batch{std::make_move_iterator(queue_.begin()), std::make_move_iterator(end)};
    queue_.erase(queue_.begin(), end);
    batch_bytes_ = std::min(2 * batch_bytes_, batch_limit_);
    return batch;
}

Task<Result<>> Intake::write() {
    for (;;) {
        if (queue_.empty() && ended_) co_return Result<>{};
        if (queue_.empty()) {
            auto waited = co_await changed_.wait(Deadline::max());
            if (!waited) co_return waited;
            continue;
        }
        auto batch = take_batch();
        auto store = [this, &batch]() -> Result<> {
            std::vector<std::span<const std::byte>> parts;
            for (const auto& chunk : batch) {
                hash_.update(chunk.bytes);
                parts.push_back(chunk.bytes);
            }
            return writer_.append(parts);
        };
        auto stored = co_await disk_.run(store);
        if (!stored) co_return stored;
        for (const auto& chunk : batch) queued_ -= chunk.size();
        watchers_.grown(writer_.written());
        changed_.notify();
        // The first bytes go out before this core is busy with the next.
        if (batch_bytes_ < batch_limit_) co_await net::yield();
    }
}

}  // namespace longshore::registry

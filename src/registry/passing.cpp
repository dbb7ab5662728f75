#include "registry/passing.hpp"

#include <algorithm>
#include <vector>

namespace longshore::registry {
namespace {

constexpr std::size_t k_slice = std::size_t{1} << 20;  // bytes hashed per turn of the disk pool

}  // namespace

Task<Result<http::BodyEvent>> Passing::next(std::size_t at_most) {
    if (hashed_ < begun_.size) {
        auto hashed = co_await hash_begun();
        if (!hashed) co_return hashed.error();
    }
    while (!proved_) {
        auto event = co_await body_.next(at_most);
        if (!event) co_return event;
        const auto* const chunk = std::get_if<net::Chunk>(&*event);
        if (chunk == nullptr) {
            auto proved = co_await prove();
            if (!proved) co_return proved.error();
            proved_ = true;
            break;
        }
        auto hash = [this, chunk] {
            hash_.update(chunk->bytes);
            return true;
        };
        co_await disk_.run(hash);
        if (auto piece = pass(*chunk)) co_return std::move(*piece);
    }
    if (auto last = std::exchange(held_, std::nullopt)) co_return std::move(*last);
    co_return http::Trailers{};
}

Task<Result<>> Passing::hash_begun() {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(begun_.size, k_slice));
    while (hashed_ < begun_.size) {
        auto slice = [this, &buffer]() -> Result<std::size_t> {
            const auto wanted = std::min<std::uint64_t>(begun_.size - hashed_, buffer.size());
            const auto got = begun_.file->read_at(hashed_, std::span{buffer}.first(wanted));
            if (got) hash_.update(std::span{buffer}.first(*got));
            return got;
        };
        const auto got = co_await disk_.run(slice);
        if (!got) co_return got.error();
        if (*got == 0) co_return Error{Errc::corrupt, "the file of " + digest_.to_string() + " is short"};
        hashed_ += *got;
    }
    co_return Result<>{};
}

// What of the newest bytes, or of those held back before them, may leave now.
std::optional<net::Chunk> Passing::pass(const net::Chunk& chunk) {
    const auto begin = std::exchange(arrived_, arrived_ + chunk.size());
    const auto from = std::max(begin, first_);
    const auto to = std::min(arrived_, end_.value_or(arrived_));
    if (from >= to) return std::nullopt;
    auto wanted = chunk.from(from - begin).first(to - from);
    if (end_ && to != *end_) return wanted;
    return std::exchange(held_, std::move(wanted));
}

Task<Result<>> Passing::prove() {
    auto finish = [this] { return hash_.finish(); };
    const auto digest = co_await disk_.run(finish);
    if (digest != digest_) co_return Error{Errc::corrupt, "the bytes of " + digest_.to_string() + " do not match it"};
    const auto came = arrived_ - begun_.size;
    if (body_.length.value_or(came) != came) co_return Error{Errc::corrupt, digest_.to_string() + " is short"};
    co_return Result<>{};
}

}  // namespace longshore::registry

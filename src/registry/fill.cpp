#include "registry/fill.hpp"

#include "net/on_loop.hpp"

#include <algorithm>

namespace longshore::registry {
namespace {

constexpr std::size_t k_early = std::size_t{16} * 1024;  // bytes kept in memory while the fill lives

}  // namespace

class Fill::Reader final : public http::BodySource {
public:
    Reader(std::shared_ptr<Fill> fill, std::uint64_t offset, std::optional<std::uint64_t> end)
        : fill_(std::move(fill)), offset_(offset), end_(end) {}

    [[nodiscard]] Task<Result<http::BodyEvent>> next(std::size_t at_most) override {
        const auto fill = fill_;
        for (;;) {
            if (rest_) {
                auto event = co_await rest_->next(at_most);
                co_return event;
            }
            if (end_ && offset_ >= *end_) co_return http::Trailers{};
            // The state first: what is available by then is all there will be once it is final.
            const auto state = fill->state();
            const auto available = fill->available_.load(std::memory_order_acquire);
            const auto limit = std::min(available, end_.value_or(available));
            const auto early = std::min(fill->early_size_.load(std::memory_order_acquire), end_.value_or(k_early));
            if (offset_ >= limit && offset_ < early) {
                const auto length = std::min<std::uint64_t>(early - offset_, at_most);
                co_return fill->early_.from(std::exchange(offset_, offset_ + length)).first(length);
            }
            if (offset_ < limit) {
                const auto length = std::min<std::uint64_t>(limit - offset_, at_most);
                co_return net::FileRange{fill->file_, std::exchange(offset_, offset_ + length), length};
            }
            if (state == State::complete) co_return http::Trailers{};
            if (state == State::failed) {
                if (!fill->failure().unstored || !fill->rest_)
                    co_return Error{Errc::corrupt, "blob " + fill->digest_.to_string() + " broke off"};
                Broken broken{{fill->file_, available}, offset_, end_};
                auto rest = co_await fill->rest_(std::move(broken));
                if (!rest) co_return Error{Errc::io, rest.error().refusal.message};
                rest_ = std::move(*rest);
                continue;
            }
            auto waited = co_await net::on_loop(fill->home_, wait_past(fill, offset_));
            if (!waited) co_return waited.error();
        }
    }
    void cancel(Errc) noexcept override {}

private:
    std::shared_ptr<Fill> fill_;
    std::uint64_t offset_;
    std::optional<std::uint64_t> end_;
    std::unique_ptr<http::BodySource> rest_;  // the disk has failed: straight from upstream
};

Fill::Fill(net::Loop& home, Digest digest, Voucher voucher)
    : home_(home), digest_(std::move(digest)), vouchers_{std::move(voucher)} {}

void Fill::begin(std::shared_ptr<const File> file, std::optional<std::uint64_t> total) {
    file_ = std::move(file);
    total_ = total;
    state_.store(State::running, std::memory_order_release);
    progress_.notify();
}

// All that has arrived, but never the last byte.
std::uint64_t Fill::given_out(std::uint64_t arrived) const noexcept {
    const auto withheld = total_ ? std::max<std::uint64_t>(*total_, 1) - 1 : arrived - 1;
    return std::min(arrived, withheld);
}

void Fill::start_with(std::span<const std::byte> bytes) {
    const auto size = std::min(given_out(bytes.size()), k_early);
    early_ = net::Chunk::of(std::string{reinterpret_cast<const char*>(bytes.data()), size});
    early_size_.store(size, std::memory_order_release);
    progress_.notify();
}

void Fill::grow(std::uint64_t written) {
    available_.store(given_out(written), std::memory_order_release);
    progress_.notify();
}

void Fill::complete(std::uint64_t total) {
    available_.store(total, std::memory_order_release);
    state_.store(State::complete, std::memory_order_release);
    progress_.notify();
}

void Fill::fail(Failure failure) {
    failure_ = std::move(failure);
    state_.store(State::failed, std::memory_order_release);
    progress_.notify();
}

bool Fill::vouched(const Voucher& voucher) const noexcept {
    return std::ranges::find(vouchers_, voucher) != vouchers_.end();
}

Task<Result<>> Fill::started() {
    while (state() == State::starting) {
        auto waited = co_await progress_.wait(Deadline::max());
        if (!waited) co_return waited;
    }
    co_return Result<>{};
}

Task<Result<>> Fill::wait_past(std::shared_ptr<Fill> fill, std::uint64_t offset) {
    while (fill->state() == State::running && fill->available_.load(std::memory_order_acquire) <= offset &&
           fill->early_size_.load(std::memory_order_acquire) <= offset) {
        auto waited = co_await fill->progress_.wait(Deadline::max());
        if (!waited) co_return waited;
    }
    co_return Result<>{};
}

std::unique_ptr<http::BodySource> Fill::reader(std::uint64_t offset, std::optional<std::uint64_t> end) {
    return std::make_unique<Reader>(shared_from_this(), offset, end);
}

}  // namespace longshore::registry

// A blob whose bytes are not all here or not all proved yet, and those who read it meanwhile.
//
// Made for a fetch from upstream (the file grows) and for a stored file that changed (its digest is proved again).
// Readers on any loop are given the first bytes from memory and then ranges of the file as far as it is good; the
// last byte is withheld until the hash agrees, so that a wrong blob never ends cleanly. They wait for the hash, not for
// the disk to sync.
//
// Ownership: shared by the work that fills it and its readers; the file stays open with it.
// Threads:   `progress` belongs to the home loop; the rest is safe from any.
#pragma once

#include "http/message.hpp"
#include "net/loop.hpp"
#include "net/wait.hpp"
#include "registry/blob_record.hpp"
#include "registry/passing.hpp"
#include "registry/upstream_client.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace longshore::registry {

class Fill : public std::enable_shared_from_this<Fill> {
public:
    enum class State : std::uint8_t { starting, running, complete, failed };

    Fill(net::Loop& home, Digest digest, Voucher voucher);

    // How readers get on when the disk fails under them: on their loop. Set before it is shared.
    struct Broken {
        BegunBlob begun;      // what the file holds
        std::uint64_t first;  // behind it: what the reader wants
        std::optional<std::uint64_t> end;
    };
    using Rest = std::function<Task<Fetched<std::unique_ptr<http::BodySource>>>(Broken)>;
    void set_rest(Rest rest) { rest_ = std::move(rest); }

    // Home loop: the head of the answer is here. No `total`: unknown until the end.
    void begin(std::shared_ptr<const File> file, std::optional<std::uint64_t> total);
    // Home loop, once, before the file has bytes: the first ones, for readers who wait already.
    void start_with(std::span<const std::byte> bytes);
    // Home loop: the file holds `written` bytes.
    void grow(std::uint64_t written);
    // Home loop: every byte is proved.
    void complete(std::uint64_t total);
    void fail(Failure failure);

    // Home loop: ends when the state has left `starting`; Errc::cancelled with the caller.
    [[nodiscard]] Task<Result<>> started();
    // Bytes [offset, end) for a response; `end` at most the total, nothing: all there is.
    [[nodiscard]] std::unique_ptr<http::BodySource> reader(std::uint64_t offset, std::optional<std::uint64_t> end);

    [[nodiscard]] State state() const noexcept { return state_.load(std::memory_order_acquire); }
    [[nodiscard]] const Digest& digest() const noexcept { return digest_; }
    // After `started`; nothing: unknown so far.
    [[nodiscard]] std::optional<std::uint64_t> total() const noexcept { return total_; }
    // Once the state is `failed`.
    [[nodiscard]] const Failure& failure() const noexcept { return *failure_; }
    // Home loop.
    [[nodiscard]] std::vector<Voucher>& vouchers() noexcept { return vouchers_; }
    [[nodiscard]] bool vouched(const Voucher& voucher) const noexcept;

private:
    class Reader;
    [[nodiscard]] std::uint64_t given_out(std::uint64_t arrived) const noexcept;
    [[nodiscard]] static Task<Result<>> wait_past(std::shared_ptr<Fill> fill, std::uint64_t offset);

    net::Loop& home_;
    Digest digest_;
    std::shared_ptr<const File> file_;    // set before state leaves `starting`
    std::optional<std::uint64_t> total_;  // set before state leaves `starting`; bytes
    net::Chunk early_;                    // the first bytes, set before `early_size_`
    std::atomic<std::uint64_t> early_size_{0};
    std::atomic<std::uint64_t> available_{0};  // in the file
    std::atomic<State> state_{State::starting};
    net::Event progress_;
    std::optional<Failure> failure_;  // set before the state is `failed`
    Rest rest_;
    std::vector<Voucher> vouchers_;
};

}  // namespace longshore::registry

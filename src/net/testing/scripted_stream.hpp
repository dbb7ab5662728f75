// A byte stream whose peer has said everything already: reads give it piece by piece, writes are taken and dropped.
#pragma once

#include "net/stream.hpp"

#include <algorithm>
#include <string>

namespace longshore::net::testing {

class ScriptedStream final : public ByteStream {
public:
    // Each read gives at most `piece` bytes of `input`; then the peer has ended.
    ScriptedStream(std::string input, std::size_t piece) : input_(Chunk::of(std::move(input))), piece_(piece) {}

    [[nodiscard]] Task<Result<Chunk>> read(std::size_t at_most, Deadline) override {
        if (aborted_) co_return Error{Errc::cancelled, "scripted stream"};
        auto piece = input_.first(std::min({at_most, piece_, input_.size()}));
        input_ = input_.from(piece.size());
        co_return piece;
    }
    [[nodiscard]] Task<Result<>> write(Chunk chunk, Deadline) override {
        if (aborted_) co_return Error{Errc::cancelled, "scripted stream"};
        written_ += chunk.size();
        co_return Result<>{};
    }
    [[nodiscard]] Task<Result<>> write_file(FileRange, Deadline) override {
        co_return Error{Errc::unsupported, "scripted stream"};
    }
    [[nodiscard]] Task<Result<>> finish(Deadline) override { co_return Result<>{}; }
    [[nodiscard]] bool half_closes() const noexcept override { return true; }
    void abort(Errc) noexcept override { aborted_ = true; }
    void set_pace(Pace) noexcept override {}
    [[nodiscard]] std::size_t written() const noexcept { return written_; }

private:
    Chunk input_;
    std::size_t piece_;
    std::size_t written_ = 0;
    bool aborted_ = false;
};

}  // namespace longshore::net::testing

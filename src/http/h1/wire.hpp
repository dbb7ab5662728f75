// Bodies on an HTTP/1.1 connection, both directions, for both ends.
//
// Threads: one loop. Errors: as ByteStream, and corrupt for broken framing or a body that is not as long as it says.
// Source: RFC 9112 §6-§8.
#pragma once

#include "http/h1/syntax.hpp"
#include "http/h1/syntax_chunked.hpp"
#include "http/message.hpp"
#include "net/stream.hpp"
#include "net/wait.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace longshore::http::h1 {

// What was read and is not consumed yet. Holds no memory while empty.
class Input {
public:
    Input(net::ByteStream& stream, net::Chunk already_read) : stream_(stream), chunk_(std::move(already_read)) {}

    [[nodiscard]] std::string_view text() const noexcept { return carry_.empty() ? chunk_.text() : carry_; }
    // Reads once and appends. The number of bytes; 0 when the peer has ended. While a read ahead runs, waits for it.
    [[nodiscard]] Task<Result<std::size_t>> more(std::size_t at_most, Deadline deadline);
    // The same read, made before anybody needs the bytes: others may look, take and ask for more meanwhile.
    [[nodiscard]] Task<Result<std::size_t>> ahead(std::size_t at_most);
    [[nodiscard]] bool reading_ahead() const noexcept { return reading_ahead_; }
    void consume(std::size_t count);
    // What is there, or else what the next read gives; empty when the peer has ended.
    [[nodiscard]] Task<Result<net::Chunk>> take(std::size_t at_most, Deadline deadline);
    // `count` bytes at `offset` of text(), to outlive further calls.
    [[nodiscard]] net::Chunk slice(std::size_t offset, std::size_t count) const;

private:
    [[nodiscard]] Task<Result<std::size_t>> read(std::size_t at_most, Deadline deadline);

    net::ByteStream& stream_;
    net::Chunk chunk_;
    std::string carry_;  // when a head came in several reads: all of it
    bool reading_ahead_ = false;
    Result<std::size_t> read_ahead_ = std::size_t{0};
    net::Event read_ended_;
};

// A connection after an upgrade: reads start with what the input holds. Both outlive it.
class Upgraded : public net::ByteStream {
public:
    Upgraded(net::ByteStream& stream, Input& input) : stream_(stream), input_(input) {}
    [[nodiscard]] Task<Result<net::Chunk>> read(std::size_t at_most, Deadline deadline) override {
        return input_.take(at_most, deadline);
    }
    [[nodiscard]] Task<Result<>> write(net::Chunk chunk, Deadline deadline) override {
        return stream_.write(std::move(chunk), deadline);
    }
    [[nodiscard]] Task<Result<>> write_file(net::FileRange range, Deadline deadline) override {
        return stream_.write_file(std::move(range), deadline);
    }
    [[nodiscard]] Task<Result<>> finish(Deadline deadline) override { return stream_.finish(deadline); }
    [[nodiscard]] bool half_closes() const noexcept override { return stream_.half_closes(); }
    void abort(Errc reason) noexcept override { stream_.abort(reason); }
    void set_pace(net::Pace pace) noexcept override { stream_.set_pace(pace); }

private:
    net::ByteStream& stream_;
    Input& input_;
};

// Takes a body off an Input.
class BodyDecoder {
public:
    BodyDecoder() = default;
    BodyDecoder(Framing framing, std::uint64_t length) : framing_(framing), left_(length) {}

    [[nodiscard]] Task<Result<BodyEvent>> next(Input& input, std::size_t at_most, Deadline deadline);
    // Nothing of the body is left on the connection.
    [[nodiscard]] bool done() const noexcept {
        return done_ || framing_ == Framing::none || (framing_ == Framing::length && left_ == 0);
    }

private:
    [[nodiscard]] Task<Result<BodyEvent>> next_of_length(Input& input, std::size_t at_most, Deadline deadline);
    [[nodiscard]] Task<Result<BodyEvent>> next_chunked(Input& input, std::size_t at_most, Deadline deadline);
    [[nodiscard]] Task<Result<BodyEvent>> next_until_close(Input& input, std::size_t at_most, Deadline deadline);

    Framing framing_ = Framing::none;
    std::uint64_t left_ = 0;
    bool done_ = false;
    ChunkedDecoder chunked_;
};

// Writes `head` and then `body` in the given framing; a small body leaves together with the head. `sent` counts body
// bytes as they leave. A body that is not as long as it said is Errc::corrupt.
[[nodiscard]] Task<Result<>> send_message(net::ByteStream& stream, std::string& head, Body& body, Framing framing,
                                          std::uint64_t& sent);

}  // namespace longshore::http::h1

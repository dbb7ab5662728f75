#include "http/h1/wire.hpp"

#include "http/h1/syntax_write.hpp"
#include "net/slab.hpp"

namespace longshore::http::h1 {
namespace {

constexpr std::size_t k_joined_body = 16 * 1024;        // bytes of a body that leave in the head's write
constexpr std::size_t k_read = net::SlabPool::k_large;  // bytes of one body read
constexpr std::size_t k_pull = 2 * 1024 * 1024;         // bytes of one pull; file ranges may be that long

// The bytes live until the call they are passed to has ended.
net::Chunk borrowed(std::string_view text) { return net::Chunk::of_static(text); }

Task<Result<>> send_event(net::ByteStream& stream, BodyEvent event) {
    if (auto* chunk = std::get_if<net::Chunk>(&event)) {
        auto wrote = co_await stream.write(std::move(*chunk), Deadline::max());
        co_return wrote;
    }
    auto wrote = co_await stream.write_file(std::move(std::get<net::FileRange>(event)), Deadline::max());
    co_return wrote;
}

std::uint64_t size_of(const BodyEvent& event) {
    if (const auto* chunk = std::get_if<net::Chunk>(&event)) return chunk->size();
    return std::get<net::FileRange>(event).length;
}

Task<Result<>> send_plain(net::ByteStream& stream, Body& body, std::uint64_t& sent) {
    const auto length = body.length;
    for (;;) {
        auto event = co_await body.next(k_pull);
        if (!event) co_return event.error();
        if (std::holds_alternative<Trailers>(*event)) break;
        const auto size = size_of(*event);
        if (length && sent + size > *length) co_return Error{Errc::corrupt, "a body is longer than its length"};
        // The piece that makes it whole leaves once the source has ended: else a longer body would look right.
        std::optional<Result<BodyEvent>> after;
        if (length && sent + size == *length) after = co_await body.next(k_pull);
        if (after && !*after) co_return after->error();
        if (after && !std::holds_alternative<Trailers>(**after)) {
            co_return Error{Errc::corrupt, "a body is longer than its length"};
        }
        auto wrote = co_await send_event(stream, std::move(*event));
        if (!wrote) co_return wrote;
        sent += size;
        if (after) co_return Result<>{};
    }
    if (length && sent != *length) co_return Error{Errc::corrupt, "a body is shorter than its length"};
    co_return Result<>{};
}

Task<Result<>> send_chunked(net::ByteStream& stream, Body& body, std::uint64_t& sent) {
    std::string frame;
    for (;;) {
        auto event = co_await body.next(k_pull);
        if (!event) co_return event.error();
        if (auto* trailers = std::get_if<Trailers>(&*event)) {
            append_last_chunk(frame, trailers->fields);
            auto wrote = co_await stream.write(borrowed(frame), Deadline::max());
            co_return wrote;
        }
        const auto size = size_of(*event);
        if (size == 0) continue;
        append_chunk_head(frame, size);
        auto framed = co_await stream.write(borrowed(frame), Deadline::max());
        if (!framed) co_return framed;
        auto wrote = co_await send_event(stream, std::move(*event));
        if (!wrote) co_return wrote;
        sent += size;
        frame.assign("\r\n");
    }
}

}  // namespace

Task<Result<std::size_t>> Input::more(std::size_t at_most, Deadline deadline) {
    if (reading_ahead_) {
        auto waited = co_await read_ended_.wait(deadline);
        if (!waited) co_return waited.error();
        co_return read_ahead_;
    }
    auto got = co_await read(at_most, deadline);
    co_return got;
}

Task<Result<std::size_t>> Input::ahead(std::size_t at_most) {
    reading_ahead_ = true;
    read_ahead_ = co_await read(at_most, Deadline::max());
    reading_ahead_ = false;
    read_ended_.notify();
    co_return read_ahead_;
}

Task<Result<std::size_t>> Input::read(std::size_t at_most, Deadline deadline) {
    auto got = co_await stream_.read(at_most, deadline);
    if (!got) co_return got.error();
    const auto size = got->size();
    if (text().empty()) {
        chunk_ = std::move(*got);
    } else {
        if (carry_.empty()) carry_ = chunk_.text();
        chunk_ = {};
        carry_.append(got->text());
    }
    co_return size;
}

void Input::consume(std::size_t count) {
    if (carry_.empty()) {
        chunk_ = count == chunk_.size() ? net::Chunk{} : chunk_.from(count);
        return;
    }
    auto rest = carry_.substr(count);
    carry_.clear();
    carry_.shrink_to_fit();
    chunk_ = rest.empty() ? net::Chunk{} : net::Chunk::of(std::move(rest));
}

Task<Result<net::Chunk>> Input::take(std::size_t at_most, Deadline deadline) {
    if (text().empty() && !reading_ahead_) {
        auto chunk = co_await stream_.read(at_most, deadline);
        co_return chunk;
    }
    if (text().empty()) {
        auto got = co_await more(at_most, deadline);
        if (!got) co_return got.error();
    }
    auto chunk = slice(0, std::min(at_most, text().size()));
    consume(chunk.size());
    co_return chunk;
}

net::Chunk Input::slice(std::size_t offset, std::size_t count) const {
    if (carry_.empty()) return chunk_.from(offset).first(count);
    return net::Chunk::of(carry_.substr(offset, count));
}

Task<Result<BodyEvent>> BodyDecoder::next(Input& input, std::size_t at_most, Deadline deadline) {
    switch (framing_) {
        case Framing::length: {
            auto event = co_await next_of_length(input, at_most, deadline);
            co_return event;
        }
        case Framing::chunked: {
            auto event = co_await next_chunked(input, at_most, deadline);
            co_return event;
        }
        case Framing::until_close: {
            auto event = co_await next_until_close(input, at_most, deadline);
            co_return event;
        }
        case Framing::none:
            break;
    }
    co_return Trailers{};
}

Task<Result<BodyEvent>> BodyDecoder::next_of_length(Input& input, std::size_t at_most, Deadline deadline) {
    if (left_ == 0) co_return Trailers{};
    if (input.text().empty()) {
        auto got = co_await input.more(std::min<std::uint64_t>({at_most, left_, k_read}), deadline);
        if (!got) co_return got.error();
        if (*got == 0) co_return Error{Errc::peer_closed, "a body ended early"};
    }
    const auto size = std::min<std::uint64_t>({at_most, left_, input.text().size()});
    auto chunk = input.slice(0, size);
    input.consume(size);
    left_ -= size;
    co_return chunk;
}

Task<Result<BodyEvent>> BodyDecoder::next_chunked(Input& input, std::size_t at_most, Deadline deadline) {
    if (done_) co_return Trailers{chunked_.take_trailers()};
    for (;;) {
        if (input.text().empty()) {
            auto got = co_await input.more(k_read, deadline);
            if (!got) co_return got.error();
            if (*got == 0) co_return Error{Errc::peer_closed, "a chunked body ended early"};
        }
        const auto step = chunked_.feed(input.text().substr(0, at_most));
        if (!step) co_return Error{Errc::corrupt, std::string{step.error().why}};
        const auto offset = step->data.empty() ? 0 : static_cast<std::size_t>(step->data.data() - input.text().data());
        auto chunk = step->data.empty() ? net::Chunk{} : input.slice(offset, step->data.size());
        input.consume(step->consumed);
        done_ = step->done;
        if (!chunk.empty()) co_return chunk;
        if (done_) co_return Trailers{chunked_.take_trailers()};
    }
}

Task<Result<BodyEvent>> BodyDecoder::next_until_close(Input& input, std::size_t at_most, Deadline deadline) {
    if (done_) co_return Trailers{};
    if (input.text().empty()) {
        auto got = co_await input.more(std::min(at_most, k_read), deadline);
        if (!got) co_return got.error();
        done_ = *got == 0;
        if (done_) co_return Trailers{};
    }
    const auto size = std::min(at_most, input.text().size());
    auto chunk = input.slice(0, size);
    input.consume(size);
    co_return chunk;
}

Task<Result<>> send_message(net::ByteStream& stream, std::string& head, Body& body, Framing framing,
                            std::uint64_t& sent) {
    const auto* small = std::get_if<net::Chunk>(&body.content);
    if (framing == Framing::length && small != nullptr && small->size() <= k_joined_body &&
        body.length == small->size()) {
        body.touched = true;
        const auto size = small->size();
        head.append(small->text());
        auto wrote = co_await stream.write(borrowed(head), Deadline::max());
        if (wrote) sent = size;
        co_return wrote;
    }
    auto wrote = co_await stream.write(borrowed(head), Deadline::max());
    if (!wrote || framing == Framing::none) co_return wrote;
    if (framing == Framing::chunked) {
        auto done = co_await send_chunked(stream, body, sent);
        co_return done;
    }
    auto done = co_await send_plain(stream, body, sent);
    co_return done;
}

}  // namespace longshore::http::h1

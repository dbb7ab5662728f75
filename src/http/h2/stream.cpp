#include "http/h2/stream.hpp"

#include "http/h2/core.hpp"

namespace longshore::http::h2 {
namespace {

constexpr std::size_t k_piece = 64 * 1024;  // bytes of a source held for a slow reader

net::Chunk take_chunk(Incoming& in, std::size_t at_most) {
    if (in.chunks.empty()) in.chunks.push_back(net::Chunk::of(std::exchange(in.tail, {})));
    auto& front = in.chunks.front();
    auto piece = front.first(std::min(at_most, front.size()));
    front = front.from(piece.size());
    if (front.empty()) in.chunks.pop_front();
    return piece;
}

// Whether the piece at hand would make a body of announced length whole before the peer ended it: more may follow, and
// then the message is malformed. Nobody may take it for complete before (RFC 9113 §8.1.1).
bool completes_too_early(const Incoming& in) {
    if (in.ended || !in.block.length) return false;
    const auto last = in.chunks.size() + (in.tail.empty() ? 0 : 1) == 1;
    return last && in.bytes >= *in.block.length;
}

net::RateFloor& floor_of(Stream& stream) {
    auto& floor = stream.in.floor;
    if (!floor && stream.core != nullptr) {
        floor.emplace(stream.core->options().min_body_rate, stream.core->options().body_idle_timeout);
    } else if (!floor) {
        floor.emplace(0, std::chrono::nanoseconds{0});
    }
    return *floor;
}

class StreamBody final : public BodySource {
public:
    explicit StreamBody(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
    StreamBody(const StreamBody&) = delete;
    StreamBody& operator=(const StreamBody&) = delete;
    ~StreamBody() override { cancel(Errc::cancelled); }

    [[nodiscard]] Task<Result<BodyEvent>> next(std::size_t at_most) override {
        const auto stream = stream_;
        const auto& loop = net::Loop::current();
        const auto began = loop.now();
        auto& floor = floor_of(*stream);
        auto event = co_await pull(*stream, at_most, floor.limit(began));
        floor.waited(loop.now() - began);
        if (event) {
            if (const auto* chunk = std::get_if<net::Chunk>(&*event)) floor.moved(chunk->size());
        } else if (event.error().code == Errc::timeout && stream->core != nullptr) {
            stream->core->count(Cut::body_time);
        }
        co_return event;
    }
    void cancel(Errc) noexcept override {
        if (stream_->core == nullptr || stream_->closed || stream_->in.taken) return;
        if (!stream_->core->is_server()) stream_->core->reset(*stream_, NGHTTP2_CANCEL);
    }

private:
    std::shared_ptr<Stream> stream_;
};

class StreamBytes final : public net::ByteStream {
public:
    explicit StreamBytes(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
    StreamBytes(const StreamBytes&) = delete;
    StreamBytes& operator=(const StreamBytes&) = delete;
    ~StreamBytes() override {
        if (!stream_->in.ended || !stream_->out.finished) abort(Errc::cancelled);
    }

    [[nodiscard]] Task<Result<net::Chunk>> read(std::size_t at_most, Deadline deadline) override {
        const auto stream = stream_;
        if (stream->in.taken) co_return net::Chunk{};
        auto event =
            co_await pull(*stream, at_most, std::min(deadline, after(net::Loop::current().now(), pace_.read_idle)));
        if (!event) co_return event.error();
        auto* const chunk = std::get_if<net::Chunk>(&*event);
        co_return chunk != nullptr ? std::move(*chunk) : net::Chunk{};
    }
    [[nodiscard]] Task<Result<>> write(net::Chunk chunk, Deadline deadline) override {
        const auto stream = stream_;
        auto done = co_await put(*stream, std::move(chunk), limit(deadline));
        co_return done;
    }
    [[nodiscard]] Task<Result<>> write_file(net::FileRange range, Deadline deadline) override {
        const auto stream = stream_;
        auto done = co_await put(*stream, std::move(range), limit(deadline));
        co_return done;
    }
    [[nodiscard]] Task<Result<>> finish(Deadline deadline) override {
        if (stream_->core == nullptr || stream_->closed) co_return Error{Errc::peer_closed, "HTTP/2 stream"};
        const auto stream = stream_;
        stream->out.more = false;
        stream->core->resume(*stream);
        // Until END_STREAM is on its way: what is destroyed before would become a reset.
        while (!stream->out.finished && !stream->closed) {
            auto waited = co_await stream->out.taken.wait(deadline);
            if (!waited) co_return waited;
        }
        co_return Result<>{};
    }
    [[nodiscard]] bool half_closes() const noexcept override { return true; }
    void abort(Errc) noexcept override {
        if (stream_->core != nullptr && !stream_->closed) stream_->core->reset(*stream_, NGHTTP2_CANCEL);
    }
    void set_pace(net::Pace pace) noexcept override { pace_ = pace; }

private:
    [[nodiscard]] Deadline limit(Deadline deadline) const {
        return std::min(deadline, after(net::Loop::current().now(), pace_.write_idle));
    }
    std::shared_ptr<Stream> stream_;
    net::Pace pace_;
};

}  // namespace

std::unique_ptr<BodySource> body_of(std::shared_ptr<Stream> stream) {
    return std::make_unique<StreamBody>(std::move(stream));
}

std::unique_ptr<net::ByteStream> bytes_of(std::shared_ptr<Stream> stream) {
    return std::make_unique<StreamBytes>(std::move(stream));
}

Task<Result<BodyEvent>> pull(Stream& stream, std::size_t at_most, Deadline deadline) {
    auto& in = stream.in;
    if (stream.core != nullptr) stream.core->body_wanted(stream);
    for (;;) {
        if (in.held != 0 && !completes_too_early(in)) {
            auto chunk = take_chunk(in, at_most);
            in.held -= chunk.size();
            if (stream.core != nullptr) stream.core->consumed(stream, chunk.size());
            co_return chunk;
        }
        if (in.ended) {
            in.taken = true;
            co_return Trailers{std::move(in.trailers)};
        }
        if (stream.gone) co_return Error{*stream.gone, "HTTP/2 stream"};
        auto waited = co_await stream.changed.wait(deadline);
        if (!waited) co_return waited.error();
    }
}

Task<Result<>> put(Stream& stream, BodyEvent piece, Deadline deadline) {
    auto& out = stream.out;
    for (;;) {
        if (stream.closed || stream.core == nullptr)
            co_return Error{stream.gone.value_or(Errc::peer_closed), "HTTP/2 stream"};
        if (out.empty()) break;
        auto waited = co_await out.taken.wait(deadline);
        if (!waited) co_return waited;
    }
    if (auto* chunk = std::get_if<net::Chunk>(&piece)) out.chunk = std::move(*chunk);
    if (auto* range = std::get_if<net::FileRange>(&piece)) out.range = std::move(*range);
    stream.core->resume(stream);
    while (!out.empty()) {
        if (stream.closed || stream.core == nullptr)
            co_return Error{stream.gone.value_or(Errc::peer_closed), "HTTP/2 stream"};
        auto waited = co_await out.taken.wait(deadline);
        if (!waited) co_return waited;
    }
    co_return Result<>{};
}

Task<> send_source(std::shared_ptr<Stream> stream, std::unique_ptr<BodySource> source) {
    for (;;) {
        auto event = co_await source->next(k_piece);
        if (stream->closed || stream->core == nullptr) co_return;
        if (!event) {
            stream->cut = event.error().code;
            stream->core->reset(*stream, NGHTTP2_INTERNAL_ERROR);
            co_return;
        }
        if (auto* trailers = std::get_if<Trailers>(&*event)) {
            stream->out.trailers = std::move(trailers->fields);
            stream->out.more = false;
            stream->core->resume(*stream);
            co_return;
        }
        // A peer that takes nothing, or too little, is cut by the session's look for stalled streams.
        auto sent = co_await put(*stream, std::move(*event), Deadline::max());
        if (!sent) {
            if (stream->core != nullptr && !stream->closed) {
                stream->cut = sent.error().code;
                stream->core->reset(*stream, NGHTTP2_CANCEL);
            }
            co_return;
        }
    }
}

}  // namespace longshore::http::h2

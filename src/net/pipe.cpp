#include "net/pipe.hpp"

#include "net/copy_file.hpp"
#include "net/wait.hpp"

#include <boost/asio/post.hpp>

#include <deque>
#include <mutex>
#include <optional>

namespace longshore::net {
namespace {

// Wakes the waiters of one end, on its loop, from anywhere.
struct Bell : std::enable_shared_from_this<Bell> {
    explicit Bell(Loop& owner) : loop(owner) {}
    void ring() {
        boost::asio::post(loop.context(), [self = shared_from_this()] { self->event.notify(); });
    }
    Loop& loop;
    Event event;
};

// One way through the pipe.
struct Way {
    Way(std::shared_ptr<Bell> from, std::shared_ptr<Bell> to, std::size_t bound_bytes)
        : writer(std::move(from)), reader(std::move(to)), bound(bound_bytes) {}

    void abort(Errc reason) {
        const std::lock_guard lock{mutex};
        if (!aborted) aborted = reason;
        waiting.clear();
        held = 0;
        writer->ring();
        reader->ring();
    }

    const std::shared_ptr<Bell> writer;
    const std::shared_ptr<Bell> reader;
    const std::size_t bound;

    std::mutex mutex;  // guards what follows
    std::deque<Chunk> waiting;
    std::size_t held = 0;  // bytes
    bool finished = false;
    bool reader_waits = false;
    bool writer_waits = false;
    std::optional<Errc> aborted;
};

class PipeEnd final : public ByteStream {
public:
    PipeEnd(std::shared_ptr<Way> in, std::shared_ptr<Way> out) : in_(std::move(in)), out_(std::move(out)) {}
    PipeEnd(const PipeEnd&) = delete;
    PipeEnd& operator=(const PipeEnd&) = delete;
    ~PipeEnd() override { abort(Errc::peer_closed); }

    [[nodiscard]] Task<Result<Chunk>> read(std::size_t at_most, Deadline deadline) override {
        const auto way = in_;
        for (;;) {
            if (auto got = take(*way, at_most)) co_return std::move(*got);
            auto waited = co_await way->reader->event.wait(limit(deadline, pace_.read_idle));
            if (!waited) co_return waited.error();
        }
    }

    [[nodiscard]] Task<Result<>> write(Chunk chunk, Deadline deadline) override {
        const auto way = out_;
        for (;;) {
            if (auto done = give(*way, chunk)) co_return std::move(*done);
            auto waited = co_await way->writer->event.wait(limit(deadline, pace_.write_idle));
            if (!waited) co_return waited.error();
        }
    }

    [[nodiscard]] Task<Result<>> write_file(FileRange range, Deadline deadline) override {
        return copy_file(*this, std::move(range), deadline);
    }

    [[nodiscard]] Task<Result<>> finish(Deadline) override {
        const std::lock_guard lock{out_->mutex};
        if (out_->aborted) co_return Error{*out_->aborted, "pipe"};
        out_->finished = true;
        out_->reader->ring();
        co_return Result<>{};
    }
    [[nodiscard]] bool half_closes() const noexcept override { return true; }
    void abort(Errc reason) noexcept override {
        // What was finished may still be read by the other end.
        const bool over = [this] {
            const std::lock_guard lock{out_->mutex};
            return out_->finished;
        }();
        if (!over) out_->abort(reason);
        in_->abort(reason);
    }
    void set_pace(Pace pace) noexcept override { pace_ = pace; }

private:
    static Deadline limit(Deadline deadline, std::chrono::nanoseconds idle) {
        return std::min(deadline, after(Loop::current().now(), idle));
    }

    static std::optional<Result<Chunk>> take(Way& way, std::size_t at_most) {
        const std::lock_guard lock{way.mutex};
        if (!way.waiting.empty()) {
            auto& front = way.waiting.front();
            auto piece = front.first(std::min(at_most, front.size()));
            front = front.from(piece.size());
            if (front.empty()) way.waiting.pop_front();
            way.held -= piece.size();
            if (std::exchange(way.writer_waits, false)) way.writer->ring();
            return piece;
        }
        if (way.aborted) return Result<Chunk>{Error{*way.aborted, "pipe"}};
        if (way.finished) return Chunk{};
        way.reader_waits = true;
        return std::nullopt;
    }

    // Nothing: the pipe is full. A chunk larger than the bound goes in alone.
    static std::optional<Result<>> give(Way& way, const Chunk& chunk) {
        const std::lock_guard lock{way.mutex};
        if (way.aborted) return Result<>{Error{*way.aborted, "pipe"}};
        if (way.finished) return Result<>{Error{Errc::invalid, "a finished pipe was written to"}};
        if (chunk.empty()) return Result<>{};
        if (way.held != 0 && way.held + chunk.size() > way.bound) {
            way.writer_waits = true;
            return std::nullopt;
        }
        way.held += chunk.size();
        way.waiting.push_back(chunk);
        if (std::exchange(way.reader_waits, false)) way.reader->ring();
        return Result<>{};
    }

    std::shared_ptr<Way> in_;
    std::shared_ptr<Way> out_;
    Pace pace_;
};

}  // namespace

std::pair<std::unique_ptr<ByteStream>, std::unique_ptr<ByteStream>> pipe(Loop& a, Loop& b, std::size_t bound_bytes) {
    const auto at_a = std::make_shared<Bell>(a);
    const auto at_b = std::make_shared<Bell>(b);
    const auto forth = std::make_shared<Way>(at_a, at_b, bound_bytes);
    const auto back = std::make_shared<Way>(at_b, at_a, bound_bytes);
    return {std::make_unique<PipeEnd>(back, forth), std::make_unique<PipeEnd>(forth, back)};
}

}  // namespace longshore::net

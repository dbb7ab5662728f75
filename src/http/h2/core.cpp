#include "http/h2/core.hpp"

#include <algorithm>
#include <cstring>

namespace longshore::http::h2 {
namespace {

constexpr std::size_t k_gather = net::SlabPool::k_medium;  // bytes of one write
constexpr std::size_t k_large_frame = 8 * 1024;            // bytes from which a frame is written by itself
constexpr std::size_t k_alias = 8 * 1024;                  // smaller DATA is copied, so that it pins no slab
constexpr std::size_t k_aliased_most = 512 * 1024;         // bytes held from which DATA is copied, whatever its size
constexpr std::size_t k_frame = 16 * 1024;                 // bytes, the largest that a peer may send
constexpr std::size_t k_spare_continuations = 8;
constexpr std::size_t k_skips = 32;                     // ranges of skipped streams remembered
constexpr std::chrono::seconds k_last_word{1};          // for telling a peer that it is cut off
constexpr std::uint32_t k_server_window = 256 * 1024;   // of a stream
constexpr std::uint32_t k_client_window = 1024 * 1024;  // of a stream
constexpr std::int32_t k_server_connection_window = 4 << 20;
constexpr std::int32_t k_client_connection_window = 8 << 20;
constexpr std::chrono::seconds k_linger_time{2};

Errc reason_of(std::uint32_t code) {
    switch (code) {
        case NGHTTP2_NO_ERROR:
        case NGHTTP2_CANCEL:
            return Errc::peer_closed;
        case NGHTTP2_REFUSED_STREAM:
            return Errc::overloaded;
        case NGHTTP2_ENHANCE_YOUR_CALM:
            return Errc::overloaded;
        default:
            return Errc::corrupt;
    }
}

std::uint32_t goodbye_for(int error) {
    const bool too_much = error == NGHTTP2_ERR_CALLBACK_FAILURE || error == NGHTTP2_ERR_FLOODED ||
                          error == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
    return too_much ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR;
}

std::span<const std::byte> bytes_at(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const std::byte*>(data), size};
}

}  // namespace

// Ends a connection on which nothing is asked.
class Core::IdleTimer final : public net::Timer {
public:
    explicit IdleTimer(Core& core) : core_(core) {}
    void fire() noexcept override { core_.close_idle(); }

private:
    Core& core_;
};

// Ends a connection whose open header block does not end.
class Core::HeadTimer final : public net::Timer {
public:
    explicit HeadTimer(Core& core) : core_(core) {}
    void fire() noexcept override {
        if (!core_.head_pending()) return;
        core_.count(Cut::header_time);
        core_.begin_goodbye(NGHTTP2_PROTOCOL_ERROR);
    }

private:
    Core& core_;
};

// Looks for streams whose peer does nothing.
class Core::StallTimer final : public net::Timer {
public:
    explicit StallTimer(Core& core) : core_(core) {}
    void fire() noexcept override {
        core_.cut_stalled();
        core_.watch_stalls();
    }

private:
    Core& core_;
};

// Ends a connection whose peer does not take its GOAWAY.
class Core::LastTimer final : public net::Timer {
public:
    explicit LastTimer(Core& core) : core_(core) {}
    void fire() noexcept override { core_.scope_.cancel(); }

private:
    Core& core_;
};

struct Callbacks {
    static Core& core(void* user) { return *static_cast<Core*>(user); }
    static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        return core(user).begin_headers(frame->hd.stream_id);
    }
    static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
        return core(user).header(frame->hd.stream_id, {reinterpret_cast<const char*>(name), name_size},
                                 {reinterpret_cast<const char*>(value), value_size});
    }
    // What nghttp2 would drop silently is a malformed message to us (RFC 9113 §8.2.1).
    static int invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
                              const std::uint8_t*, std::size_t, std::uint8_t, void*) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        return core(user).frame_received(*frame);
    }
    static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                    void* user) {
        return core(user).data(id, bytes, size);
    }
    static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
        core(user).close_stream(id, code);
        return 0;
    }
    static int frame_begins(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
        return core(user).frame_begins(*head);
    }
    static int invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
        auto* const stream = core(user).find(frame->hd.stream_id);
        if (stream != nullptr && frame->hd.type == NGHTTP2_WINDOW_UPDATE) stream->widened_too_far = true;
        return 0;
    }
    static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        return core(user).frame_sent(*frame);
    }
    static ssize_t produce(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room, std::uint32_t* flags,
                           nghttp2_data_source* source, void* user) {
        return core(user).produce(*static_cast<Stream*>(source->ptr), into, room, flags);
    }
};

Core::Core(Role role, std::unique_ptr<net::ByteStream> stream, net::Chunk already_read, const SessionOptions& options,
           DiskPool& disk)
    : loop_(net::Loop::current()),
      role_(role),
      stream_(std::move(stream)),
      input_(std::move(already_read)),
      options_(options),
      disk_(disk),
      budgets_(options.allowances),
      frame_heads_(role == Role::server ? NGHTTP2_CLIENT_MAGIC_LEN : 0),
      idle_(std::make_unique<IdleTimer>(*this)),
      head_timer_(std::make_unique<HeadTimer>(*this)),
      stall_timer_(std::make_unique<StallTimer>(*this)),
      last_timer_(std::make_unique<LastTimer>(*this)) {
    make_session();
    announce();
}

Core::~Core() {
    for (auto& [id, stream] : streams_) stream->core = nullptr;
    nghttp2_session_del(session_);
}

void Core::make_session() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Callbacks::frame_begins);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, Callbacks::invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame_received);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, Callbacks::invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::stream_closed);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::frame_sent);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_outbound_ack(option, 1000);
    nghttp2_option_set_max_continuations(option, k_spare_continuations + options_.head_bytes / k_frame);
    const auto make = role_ == Role::server ? nghttp2_session_server_new2 : nghttp2_session_client_new2;
    make(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
}

void Core::announce() {
    const bool server = role_ == Role::server;
    std::vector<nghttp2_settings_entry> settings{
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, server ? k_server_window : k_client_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(options_.head_bytes)}};
    if (server) {
        settings.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options_.max_streams});
        settings.push_back({NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1});
    } else {
        settings.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
    }
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                          server ? k_server_connection_window : k_client_connection_window);
}

Task<> Core::run() {
    stream_->set_pace({std::chrono::nanoseconds::max(), options_.body_idle_timeout, options_.min_body_rate});
    watch_idle();
    scope_.start(read_all(*this));
    scope_.start(write_all(*this));
    co_await scope_.join();
    idle_->disarm();
    head_timer_->disarm();
    stall_timer_->disarm();
    last_timer_->disarm();
    ended_ = true;
    stream_->abort(Errc::cancelled);
    while (!streams_.empty()) close_stream(streams_.begin()->first, NGHTTP2_CANCEL);
}

Task<> Core::read_all(Core& self) {
    if (!self.input_.empty() && !self.feed(std::exchange(self.input_, {}))) co_return;
    // Large reads only behind full ones: a small DATA frame must not pin a large slab.
    auto room = net::SlabPool::k_small;
    for (;;) {
        auto chunk = co_await self.stream_->read(room, Deadline::max());
        if (!chunk || chunk->empty()) break;
        room = chunk->size() >= net::SlabPool::k_small ? net::SlabPool::k_large : net::SlabPool::k_small;
        if (!self.feed(std::move(*chunk))) co_return;
    }
    self.scope_.cancel();
}

// False when the connection is beyond help: the writer sends what nghttp2 has to say, and ends.
bool Core::feed(net::Chunk chunk) {
    if (!affordable(chunk.bytes)) {
        begin_goodbye(NGHTTP2_ENHANCE_YOUR_CALM);
        return false;
    }
    input_ = std::move(chunk);
    const auto* const data = reinterpret_cast<const std::uint8_t*>(input_.bytes.data());
    const auto used = nghttp2_session_mem_recv(session_, data, input_.size());
    input_ = {};
    // nghttp2 keeps two limits itself.
    if (used == NGHTTP2_ERR_FLOODED) count(Cut::queued);
    if (used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) count(Cut::header_size);
    if (used < 0) begin_goodbye(goodbye_for(static_cast<int>(used)));
    settle();
    watch_head();
    wake_writer();
    return used >= 0;
}

Task<> Core::write_all(Core& self) {
    for (;;) {
        auto frames = self.gather();
        if (frames.empty()) {
            const bool over =
                nghttp2_session_want_read(self.session_) == 0 && nghttp2_session_want_write(self.session_) == 0;
            if (over) break;
            auto waited = co_await self.writable_.wait(Deadline::max());
            if (!waited) break;
            continue;
        }
        auto wrote = co_await self.stream_->write(std::move(frames), Deadline::max());
        if (!wrote) break;
    }
    auto finished = co_await self.stream_->finish(after(self.now(), self.options_.body_idle_timeout));
    // What the client still sends is read away, so that it sees our last frames and not a reset.
    if (finished && self.clean_ && self.is_server()) (void)co_await net::sleep(self.now() + k_linger_time);
    self.scope_.cancel();
}

// A large frame is written from nghttp2's own buffer, which is good until the next call; small ones are gathered.
net::Chunk Core::gather() {
    auto frame = waiting_frame_.empty() ? next_frame() : std::exchange(waiting_frame_, {});
    if (frame.empty() || frame.size() >= k_large_frame) return {nullptr, frame};
    auto slab = loop_.slabs().get(k_gather);
    std::size_t used = 0;
    while (!frame.empty() && frame.size() < k_large_frame && frame.size() <= slab.room.size() - used) {
        std::memcpy(slab.room.data() + used, frame.data(), frame.size());
        used += frame.size();
        frame = next_frame();
    }
    waiting_frame_ = frame;
    return std::move(slab).take(used);
}

std::span<const std::byte> Core::next_frame() {
    const std::uint8_t* frame = nullptr;
    const auto size = nghttp2_session_mem_send(session_, &frame);
    return size > 0 ? bytes_at(frame, static_cast<std::size_t>(size)) : std::span<const std::byte>{};
}

void Core::begin_goodbye(std::uint32_t code) {
    draining_ = true;
    clean_ = clean_ && code == NGHTTP2_NO_ERROR;
    nghttp2_session_terminate_session(session_, code);
    if (code != NGHTTP2_NO_ERROR && !last_timer_->armed()) {
        loop_.timers().arm(*last_timer_, after(now(), k_last_word));
    }
    wake_writer();
}

void Core::watch_idle() {
    if (streams_.empty()) {
        idle_since_ = now();
        loop_.timers().arm(*idle_, after(*idle_since_, options_.idle_timeout));
    } else {
        idle_since_.reset();
        idle_->disarm();
    }
    watch_stalls();
}

void Core::watch_stalls() {
    if (streams_.empty()) {
        stall_timer_->disarm();
    } else if (!stall_timer_->armed()) {
        loop_.timers().arm(*stall_timer_, after(now(), options_.body_idle_timeout));
    }
}

// The streams that wait for the peer share the least rate; a byte is always too little to ask.
std::uint64_t Core::least_progress() const noexcept {
    const auto waiting =
        std::ranges::count_if(streams_, [](const auto& one) { return one.second->out.held_by_peer(); });
    const std::chrono::duration<double> period = options_.body_idle_timeout;
    const auto bytes = static_cast<double>(options_.min_body_rate) * period.count();
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(bytes / static_cast<double>(std::max(waiting, 1L))));
}

// One look for all streams costs a request nothing: a stream that waited for its peer all the time since the last look,
// and has moved too little, has been given at least one idle timeout and at most two.
void Core::cut_stalled() {
    const auto least = least_progress();
    for (const auto& [id, stream] : streams_) {
        const bool waits = stream->out.held_by_peer() || stream->in.head_held;
        const bool waited = waits && stream->stuck_at && !std::exchange(stream->out.drained, false);
        if (waited && stream->out.sent - *stream->stuck_at < least) {
            stream->cut = Errc::timeout;
            count(Cut::body_time);
            reset(*stream, NGHTTP2_CANCEL);
        }
        stream->stuck_at = waits ? std::optional{stream->out.sent} : std::nullopt;
    }
}

bool Core::head_pending() noexcept {
    if (open_head_ == 0 || !is_server()) return false;
    const auto* const stream = find(open_head_);
    return stream != nullptr && !stream->in.head_done && !stream->in.head_held;
}

// A block that is still open after the input was processed has a time limit of its own.
void Core::watch_head() {
    if (!head_pending()) {
        head_timer_->disarm();
    } else if (!head_timer_->armed()) {
        loop_.timers().arm(*head_timer_, after(now(), options_.header_timeout));
    }
}

// New streams rise (RFC 9113 §5.1.1). nghttp2 takes a lower one for a closed stream; only one that was skipped is new.
void Core::check_order(std::int32_t id) {
    if (role_ != Role::server || id % 2 == 0) return;
    if (id > highest_) {
        if (id > highest_ + 2) {
            if (skipped_.size() == k_skips) skipped_.erase(skipped_.begin());
            skipped_.push_back({highest_, id});
        }
        highest_ = id;
        return;
    }
    const auto holds = [id](const Skip& skip) { return id > skip.after && id < skip.before; };
    if (std::ranges::any_of(skipped_, holds)) begin_goodbye(NGHTTP2_PROTOCOL_ERROR);
}

int Core::frame_sent(const nghttp2_frame& frame) {
    const bool ends = (frame.hd.type == NGHTTP2_DATA || frame.hd.type == NGHTTP2_HEADERS) &&
                      (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (ends && is_server()) {
        // The answer is whole; nobody reads the rest of the request (RFC 9113 §8.1).
        const auto* const stream = find(frame.hd.stream_id);
        if (stream != nullptr && !stream->in.ended) {
            nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR);
        }
    }
    if (frame.hd.type == NGHTTP2_DATA) budgets_.window_updates.earn(k_updates_per_data);
    if (frame.hd.type == NGHTTP2_GOAWAY) told();
    if (frame.hd.type != NGHTTP2_RST_STREAM) return 0;
    const auto code = frame.rst_stream.error_code;
    // A window that SETTINGS overflow ends the connection (RFC 9113 §6.9.2); nghttp2 ends the stream.
    if (code == NGHTTP2_FLOW_CONTROL_ERROR) {
        const auto* const stream = find(frame.hd.stream_id);
        if (stream == nullptr || !stream->widened_too_far) begin_goodbye(code);
    }
    const bool ours = code == NGHTTP2_NO_ERROR || code == NGHTTP2_CANCEL || code == NGHTTP2_INTERNAL_ERROR;
    if (!ours && !budgets_.errors.spend(now()) && !last_timer_->armed()) {
        count(Cut::errors);
        begin_goodbye(NGHTTP2_ENHANCE_YOUR_CALM);
    }
    return 0;
}

Stream* Core::find(std::int32_t id) noexcept {
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : found->second.get();
}

Stream& Core::add(std::int32_t id, std::shared_ptr<Stream> stream) {
    stream->id = id;
    stream->core = this;
    auto& added = *streams_.emplace(id, std::move(stream)).first->second;
    if (streams_.size() == 1) watch_idle();
    return added;
}

void Core::close_stream(std::int32_t id, std::uint32_t code) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    const auto stream = found->second;
    stream->closed = true;
    stream->refused = code == NGHTTP2_REFUSED_STREAM;
    if (!stream->in.ended || code != NGHTTP2_NO_ERROR) stream->gone = reason_of(code);
    if (stream->in.held != 0 && !ended_) nghttp2_session_consume_connection(session_, stream->in.held);
    held_ -= stream->in.held;
    // What came to its proper end may still be read.
    if (!stream->in.ended) {
        stream->in.held = 0;
        stream->in.chunks.clear();
        stream->in.tail.clear();
    }
    closed(*stream);
    stream->out.chunk = {};
    stream->out.range = {};
    stream->core = nullptr;
    stream->place.reset();
    stream->changed.notify();
    stream->out.taken.notify();
    streams_.erase(found);
    if (!ended_) watch_idle();
}

void Core::consumed(Stream& stream, std::size_t bytes) {
    held_ -= bytes;
    nghttp2_session_consume(session_, stream.id, bytes);
    wake_writer();
}

void Core::resume(Stream& stream) {
    if (std::exchange(stream.out.deferred, false)) nghttp2_session_resume_data(session_, stream.id);
    wake_writer();
}

void Core::reset(Stream& stream, std::uint32_t code) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, code);
    wake_writer();
}

int Core::data(std::int32_t id, const std::uint8_t* bytes, std::size_t size) {
    auto* const stream = find(id);
    if (stream == nullptr) {
        nghttp2_session_consume(session_, id, size);
        return 0;
    }
    auto& in = stream->in;
    in.bytes += size;
    in.held += size;
    held_ += size;
    if (size >= k_alias && held_ <= k_aliased_most) {
        if (!in.tail.empty()) in.chunks.push_back(net::Chunk::of(std::exchange(in.tail, {})));
        in.chunks.push_back({input_.slab, bytes_at(bytes, size)});
    } else {
        // take_chunk() reads the tail only after all chunks.
        in.tail.append(reinterpret_cast<const char*>(bytes), size);
    }
    stream->changed.notify();
    return 0;
}

void Core::set_body(Stream& stream, Body& body) {
    auto& out = stream.out;
    out.has_body = true;
    out.length = body.length;
    if (auto* chunk = std::get_if<net::Chunk>(&body.content)) out.chunk = *chunk;
    if (auto* range = std::get_if<net::FileRange>(&body.content)) out.range = *range;
    out.more = std::holds_alternative<std::unique_ptr<BodySource>>(body.content);
}

nghttp2_data_provider Core::provider(Stream& stream) const {
    nghttp2_data_provider provider{};
    provider.source.ptr = &stream;
    provider.read_callback = Callbacks::produce;
    return provider;
}

// Fills one DATA frame from what the stream has at hand.
ssize_t Core::produce(Stream& stream, std::uint8_t* into, std::size_t room, std::uint32_t* flags) {
    auto& out = stream.out;
    std::size_t used = 0;
    if (!out.chunk.empty()) {
        used = std::min(room, out.chunk.size());
        std::memcpy(into, out.chunk.bytes.data(), used);
        out.chunk = used == out.chunk.size() ? net::Chunk{} : out.chunk.from(used);
    } else if (out.range.length != 0) {
        const auto want = std::min<std::uint64_t>(room, out.range.length);
        const auto got = out.range.file->read_cached(out.range.offset, {reinterpret_cast<std::byte*>(into), want});
        if (!got && got.error().code == Errc::overloaded) {
            out.deferred = true;
            if (!std::exchange(out.reading, true))
                scope_.start(read_file(shared_from_this(), stream.shared_from_this()));
            return NGHTTP2_ERR_DEFERRED;
        }
        if (!got || *got == 0) {
            stream.cut = Errc::corrupt;
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
        used = *got;
        out.range.offset += used;
        out.range.length -= used;
    }
    out.sent += used;
    const bool wrong = out.length && (out.sent > *out.length || (out.empty() && !out.more && out.sent != *out.length));
    if (wrong) {
        stream.cut = Errc::corrupt;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (out.empty()) {
        out.drained = true;
        out.taken.notify();
    }
    if (out.empty() && !out.more) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        out.finished = true;
        if (!out.trailers.empty()) {
            std::vector<nghttp2_nv> block;
            for (const auto field : out.trailers) block.push_back(field_of(field.name, field.value));
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            nghttp2_submit_trailer(session_, stream.id, block.data(), block.size());
        }
        return static_cast<ssize_t>(used);
    }
    if (used == 0) {
        out.deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(used);
}

// The next bytes of a file that are not in memory, by way of the disk pool.
Task<> Core::read_file(std::shared_ptr<Core> self, std::shared_ptr<Stream> stream) {
    auto range = stream->out.range;
    auto slab = self->loop_.slabs().get(net::SlabPool::k_small);
    const auto room = slab.room.first(std::min<std::uint64_t>(slab.room.size(), range.length));
    auto read = [&range, room] { return range.file->read_at(range.offset, room); };
    const auto got = co_await self->disk_.run(read);
    stream->out.reading = false;
    if (stream->closed) co_return;
    if (!got || *got == 0) {
        stream->cut = Errc::corrupt;
        self->reset(*stream, NGHTTP2_INTERNAL_ERROR);
        co_return;
    }
    stream->out.chunk = std::move(slab).take(*got);
    stream->out.range.offset += *got;
    stream->out.range.length -= *got;
    self->resume(*stream);
}

nghttp2_nv field_of(std::string_view name, std::string_view value) {
    return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
            reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
            NGHTTP2_NV_FLAG_NONE};
}

}  // namespace longshore::http::h2

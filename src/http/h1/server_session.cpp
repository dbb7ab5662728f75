#include "http/h1/server_session.hpp"

#include "http/h1/syntax_websocket.hpp"
#include "http/h1/syntax_write.hpp"
#include "http/h1/wire.hpp"
#include "http/relay.hpp"
#include "net/loop.hpp"
#include "net/rate_floor.hpp"
#include "net/scope.hpp"
#include "net/suspension.hpp"
#include "net/wait.hpp"

#include <optional>

namespace longshore::http::h1 {
namespace {

constexpr std::size_t k_head_read = net::SlabPool::k_small;
constexpr std::uint64_t k_drain_bytes = 64 * 1024;  // of an unread request body
constexpr std::chrono::seconds k_drain_time{5};
constexpr std::chrono::seconds k_linger_time{2};
constexpr std::size_t k_ahead_bytes = 64 * 1024;           // of pipelined requests read while a handler runs
constexpr std::chrono::milliseconds k_pressure_look{500};  // how often an unfinished head asks whether it is wanted
constexpr std::chrono::milliseconds k_watch_after{100};    // a handler that runs longer is watched for hang-ups

class ServerSession;

// The connection's side of a request body. The handler's side may outlive the exchange: it is cut off then.
struct Incoming {
    Incoming(ServerSession& owner, const RequestHead& head, const SessionOptions& options)
        : session(&owner),
          decoder(head.framing, head.length),
          wants_continue(head.expects_continue),
          floor(options.min_body_rate, options.body_idle_timeout) {}

    ServerSession* session;  // null: the exchange is over
    BodyDecoder decoder;
    bool wants_continue;
    bool reading = false;
    net::RateFloor floor;
    std::uint64_t bytes = 0;
    std::optional<Errc> failure;
    net::Suspension idle;
};

class IncomingSource final : public BodySource {
public:
    explicit IncomingSource(std::shared_ptr<Incoming> incoming) : incoming_(std::move(incoming)) {}
    [[nodiscard]] Task<Result<BodyEvent>> next(std::size_t at_most) override;
    void cancel(Errc) noexcept override {}

private:
    std::shared_ptr<Incoming> incoming_;
};

class ServerSession final : public Session, private net::Timer {
public:
    ServerSession(std::unique_ptr<net::ByteStream> stream, net::Chunk already_read, ServerEnd end)
        : stream_(std::move(stream)), input_(*stream_, std::move(already_read)), end_(std::move(end)) {
        // Every read has a deadline of its own.
        stream_->set_pace({.write_idle = options().body_idle_timeout, .write_rate = options().min_body_rate});
    }

    [[nodiscard]] Task<> run() override {
        scope_.start(serve_all());
        co_await scope_.join();
        disarm();
        if (ended_idle_) (void)co_await stream_->finish(after(now(), k_linger_time));
        stream_->abort(Errc::cancelled);
    }

    // Whoever was promised that the connection stays gets an answer to one more request, which says that it closes.
    void drain(std::chrono::nanoseconds quiet) noexcept override {
        draining_ = true;
        quiet_ = quiet;
        if (idle_since_) watch_quiet();
    }

    [[nodiscard]] std::optional<Deadline> idle_since() const noexcept override { return idle_since_; }
    void close_idle() noexcept override {
        if (idle_since_) scope_.cancel();
    }

    std::size_t farewell() noexcept override { return relay_ != nullptr && relay_->farewell() ? 1 : 0; }

    // For the request body.
    [[nodiscard]] Task<Result<BodyEvent>> pull(Incoming& incoming, std::size_t at_most);

private:
    struct Tally {
        Deadline began;
        std::optional<std::chrono::nanoseconds> to_first_byte;
        Status status = 0;
        std::uint64_t bytes_out = 0;
        Ending ending = Ending::complete;
        std::optional<Errc> cause;
    };

    [[nodiscard]] const SessionOptions& options() const noexcept { return *end_.options; }
    [[nodiscard]] Deadline now() const noexcept { return net::Loop::current().now(); }
    void count(Cut why) const noexcept {
        if (end_.metrics != nullptr) end_.metrics->cut(why);
    }
    [[nodiscard]] std::string_view date() const { return current_date(net::Loop::current().clock().wall()); }
    [[nodiscard]] std::string_view scheme() const noexcept { return end_.connection->secure ? "https" : "http"; }

    [[nodiscard]] Task<> serve_all();
    [[nodiscard]] Task<std::optional<RequestHead>> read_head();
    enum class Waited : std::uint8_t { bytes, in_vain, ended };
    [[nodiscard]] Task<Waited> await_bytes(Deadline deadline);
    [[nodiscard]] Task<> refuse(Response response);
    [[nodiscard]] Task<bool> serve_one(RequestHead head);
    [[nodiscard]] Task<Response> ask_handler(const RequestHead& head, std::shared_ptr<Incoming> incoming);
    void blame_client(const Incoming& incoming, Response& response) const;
    [[nodiscard]] Task<bool> answer(const RequestHead& head, Response& response, Tally& tally);
    [[nodiscard]] Task<> switch_protocols(const RequestHead& head, Response& response, Tally& tally);
    [[nodiscard]] Task<bool> settle(Incoming& incoming);
    [[nodiscard]] Task<> linger();
    void watch_soon() noexcept;
    void watch_quiet() noexcept;
    [[nodiscard]] Task<> watch();
    [[nodiscard]] Task<> flush_interim();
    void send_interim(Status status, const Fields& fields);
    void tell(const RequestHead& head, const Arrival& arrival, const Response& response, const Tally& tally,
              std::uint64_t bytes_in);
    void fire() noexcept override;

    std::unique_ptr<net::ByteStream> stream_;
    Input input_;
    ServerEnd end_;
    net::Scope scope_;
    std::string out_;
    std::string interim_;
    std::shared_ptr<Incoming> incoming_;
    std::shared_ptr<const Arrival> arrival_;
    std::optional<Load::Place> place_;  // of the request being answered
    net::Event turn_;
    std::optional<Deadline> idle_since_;
    bool writing_ = false;
    bool head_sent_ = false;
    bool ended_idle_ = false;
    bool draining_ = false;
    bool watching_ = false;
    bool left_ = false;
    bool handling_ = false;
    bool upgraded_ = false;
    std::chrono::nanoseconds quiet_{};
    Relay* relay_ = nullptr;
};

Task<Result<BodyEvent>> IncomingSource::next(std::size_t at_most) {
    const auto incoming = incoming_;
    if (incoming->session == nullptr) co_return Error{Errc::cancelled, "the request is over"};
    auto event = co_await incoming->session->pull(*incoming, at_most);
    co_return event;
}

Task<Result<BodyEvent>> ServerSession::pull(Incoming& incoming, std::size_t at_most) {
    incoming.reading = true;
    if (std::exchange(incoming.wants_continue, false) && !head_sent_) {
        append_interim_head(interim_, 100, {});
        co_await flush_interim();
    }
    const auto began = now();
    auto event = co_await incoming.decoder.next(input_, at_most, incoming.floor.limit(began));
    incoming.reading = false;
    incoming.floor.waited(now() - began);
    if (!event) {
        incoming.failure = event.error().code;
        if (incoming.failure == Errc::timeout) count(Cut::body_time);
    } else if (const auto* chunk = std::get_if<net::Chunk>(&*event)) {
        incoming.bytes += chunk->size();
        incoming.floor.moved(chunk->size());
    }
    incoming.idle.wake();
    co_return event;
}

Task<> ServerSession::serve_all() {
    for (;;) {
        auto head = co_await read_head();
        if (!head) break;
        const bool more = co_await serve_one(std::move(*head));
        if (!more) break;
    }
    disarm();
    scope_.cancel();
}

Task<ServerSession::Waited> ServerSession::await_bytes(Deadline deadline) {
    if (left_) co_return Waited::ended;
    auto got = co_await input_.more(k_head_read, deadline);
    if (!got && got.error().code == Errc::timeout) co_return Waited::in_vain;
    co_return got && *got != 0 ? Waited::bytes : Waited::ended;
}

Task<std::optional<RequestHead>> ServerSession::read_head() {
    const HeadLimits limits{options().target_bytes, options().head_bytes, options().field_count};
    HeadScan scan;
    if (input_.text().empty()) {
        idle_since_ = now();
        if (draining_) watch_quiet();
        const auto waited = co_await await_bytes(after(*idle_since_, options().idle_timeout));
        idle_since_.reset();
        disarm();
        ended_idle_ = waited != Waited::bytes;
        if (ended_idle_) co_return std::nullopt;
    }
    const auto deadline = after(now(), options().header_timeout);
    for (;;) {
        auto head = parse_request_head(input_.text(), scheme(), limits, scan);
        if (!head) {
            co_await refuse(Response::text(head.error().status, head.error().why));
            co_return std::nullopt;
        }
        if (*head) {
            input_.consume((*head)->bytes);
            co_return std::move(**head);
        }
        // What would be turned away at its end holds no memory until then.
        if (end_.load->pressure() >= Pressure::requests && !end_.load->request()) {
            co_await refuse(turned_away());
            co_return std::nullopt;
        }
        const auto waited = co_await await_bytes(std::min(deadline, now() + k_pressure_look));
        if (waited == Waited::ended) co_return std::nullopt;
        if (waited == Waited::bytes || now() < deadline) continue;
        count(Cut::header_time);
        co_await refuse(Response::text(408, "the request head did not arrive in time"));
        co_return std::nullopt;
    }
}

// Answers what never became a request, and closes.
Task<> ServerSession::refuse(Response response) {
    Tally tally{.began = now(), .status = response.status};
    out_.clear();
    append_response_head(out_, {.status = response.status,
                                .fields = response.fields,
                                .framing = Framing::length,
                                .length = *response.body.length,
                                .keep_alive = false,
                                .date = date()});
    (void)co_await send_message(*stream_, out_, response.body, Framing::length, tally.bytes_out);
    const Arrival arrival{end_.connection, next_request_id()};
    tell({}, arrival, response, tally, 0);
    co_await linger();
}

Task<bool> ServerSession::serve_one(RequestHead head) {
    Tally tally{.began = now()};
    head_sent_ = false;
    incoming_.reset();
    if (head.framing != Framing::none) {
        incoming_ = std::make_shared<Incoming>(*this, head, options());
    }
    const auto incoming = incoming_;
    bool reusable = head.keep_alive;
    {
        auto response = co_await ask_handler(head, incoming);
        if (incoming) blame_client(*incoming, response);
        if (left_) {
            tally.ending = Ending::client_left;
        } else if (response.stream) {
            co_await switch_protocols(head, response, tally);
            reusable = false;
        } else {
            const bool clean = co_await answer(head, response, tally);
            reusable = reusable && clean;
        }
        tell(head, *arrival_, response, tally, incoming ? incoming->bytes : 0);
    }
    place_.reset();
    if (left_ || tally.ending != Ending::complete) reusable = false;
    if (incoming) {
        const bool read_to_its_end = co_await settle(*incoming);
        reusable = reusable && read_to_its_end;
        incoming->session = nullptr;
    }
    if (!reusable && tally.ending == Ending::complete && head_sent_) co_await linger();
    co_return reusable;
}

// A handler that failed because the request's body did says so in its own terms; the fault is the client's.
void ServerSession::blame_client(const Incoming& incoming, Response& response) const {
    if (response.status < 500 || response.stream) return;
    if (incoming.failure == Errc::corrupt) response = Response::text(400, "the request body is malformed");
    if (incoming.failure == Errc::timeout) response = Response::text(408, "the request body did not arrive in time");
}

Task<Response> ServerSession::ask_handler(const RequestHead& head, std::shared_ptr<Incoming> incoming) {
    Request request;
    request.method = head.method;
    request.target = head.target;
    request.fields = head.fields;
    request.upgrade = head.upgrade;
    arrival_ = std::make_shared<const Arrival>(Arrival{end_.connection, next_request_id()});
    request.arrival = arrival_;
    request.interim = [this](Status status, const Fields& fields) { send_interim(status, fields); };
    if (incoming) {
        const auto length = head.framing == Framing::length ? std::optional{head.length} : std::nullopt;
        request.body = Body::of(std::make_unique<IncomingSource>(incoming), length);
    }
    if (end_.covers && !end_.covers(head.target.authority.host)) {
        co_return Response::text(421, "this connection's certificate is not for that host");
    }
    place_ = end_.load->request();
    if (!place_) co_return turned_away();
    watch_soon();
    auto response = co_await end_.handler->handle(std::move(request));
    handling_ = false;
    disarm();
    co_return response;
}

void ServerSession::watch_quiet() noexcept {
    auto& loop = net::Loop::current();
    loop.timers().arm(*this, after(loop.now(), quiet_));
}

// A connection that is left has been quiet for long enough; or a handler has been running for a while: read ahead to
// notice a client that leaves.
void ServerSession::fire() noexcept {
    if (idle_since_) {
        if (draining_) close_idle();
        return;
    }
    if (watching_ || left_ || input_.text().size() >= k_ahead_bytes) return;
    if (incoming_ && !incoming_->decoder.done()) {
        watch_soon();
        return;
    }
    watching_ = true;
    scope_.start(watch());
}

void ServerSession::watch_soon() noexcept {
    handling_ = true;
    auto& loop = net::Loop::current();
    loop.timers().arm(*this, loop.now() + k_watch_after);
}

Task<> ServerSession::watch() {
    auto got = co_await input_.ahead(k_head_read);
    watching_ = false;
    if (upgraded_) co_return;  // the relay deals with what came
    left_ = !got || *got == 0;
    if (left_) {
        scope_.cancel();
    } else if (handling_) {
        watch_soon();
    }
}

void ServerSession::send_interim(Status status, const Fields& fields) {
    if (head_sent_ || status < 102 || status > 199) return;
    append_interim_head(interim_, status, fields);
    scope_.start(flush_interim());
}

Task<> ServerSession::flush_interim() {
    while (writing_) {
        auto waited = co_await turn_.wait(Deadline::max());
        if (!waited) co_return;
    }
    if (head_sent_ || interim_.empty()) co_return;
    writing_ = true;
    const auto bytes = std::exchange(interim_, {});
    (void)co_await stream_->write(net::Chunk::of_static(bytes), Deadline::max());
    writing_ = false;
    turn_.notify();
}

Task<bool> ServerSession::answer(const RequestHead& head, Response& response, Tally& tally) {
    while (writing_) {
        auto waited = co_await turn_.wait(Deadline::max());
        if (!waited) {
            tally.ending = Ending::client_left;
            co_return false;
        }
    }
    const bool bodiless = head.method == "HEAD" || response.status == 204 || response.status == 304;
    auto length = response.body.length;
    if (!length && response.body.empty() && !bodiless) length = 0;
    auto framing = Framing::length;
    if (!length) framing = head.version == Version::http1_0 ? Framing::until_close : Framing::chunked;
    if (!length && bodiless) framing = Framing::none;
    const bool unread = incoming_ && (incoming_->wants_continue || incoming_->failure);
    const bool keep = head.keep_alive && !draining_ && framing != Framing::until_close && !unread;
    out_ = std::exchange(interim_, {});
    append_response_head(out_, {.status = response.status,
                                .fields = response.fields,
                                .framing = framing,
                                .length = length.value_or(0),
                                .version = head.version,
                                .keep_alive = keep,
                                .date = date()});
    head_sent_ = true;
    tally.status = response.status;
    tally.to_first_byte = now() - tally.began;
    auto sent =
        co_await send_message(*stream_, out_, response.body, bodiless ? Framing::none : framing, tally.bytes_out);
    if (sent) co_return keep;
    const bool client = left_ || sent.error().code == Errc::peer_closed || sent.error().code == Errc::cancelled;
    tally.ending = client ? Ending::client_left : Ending::cut;
    tally.cause = sent.error().code;
    if (tally.cause == Errc::timeout) count(Cut::body_time);
    stream_->abort(sent.error().code);
    co_return false;
}

Task<> ServerSession::switch_protocols(const RequestHead& head, Response& response, Tally& tally) {
    const bool websocket = head.upgrade == Upgrade::websocket;
    out_ = std::exchange(interim_, {});
    const auto accept = websocket ? websocket_accept(head.websocket_key) : std::string{};
    tally.status = websocket ? 101 : 200;
    append_response_head(out_, {.status = tally.status,
                                .fields = response.fields,
                                .framing = Framing::none,
                                .date = date(),
                                .websocket_accept = accept});
    head_sent_ = true;
    tally.to_first_byte = now() - tally.began;
    upgraded_ = true;
    auto wrote = co_await stream_->write(net::Chunk::of_static(out_), Deadline::max());
    if (!wrote) {
        tally.ending = Ending::client_left;
        co_return;
    }
    stream_->set_pace({});
    place_.reset();
    Upgraded client{*stream_, input_};
    Relay relay{client, *response.stream, head.upgrade};
    relay_ = &relay;
    co_await relay.run();
    relay_ = nullptr;
    tally.bytes_out = relay.sent();
}

// After the answer: what is left of the request body is read away if it is little. True when the connection
// stands at the start of the next request.
Task<bool> ServerSession::settle(Incoming& incoming) {
    const auto deadline = now() + k_drain_time;
    if (incoming.reading) {
        const auto why = co_await incoming.idle.wait(deadline);
        if (why != net::Suspension::Woken::notified) stream_->abort(Errc::timeout);
    }
    while (incoming.reading) co_await incoming.idle.wait_uncancelled();
    if (incoming.failure || incoming.wants_continue) co_return incoming.decoder.done();
    std::uint64_t drained = 0;
    while (!incoming.decoder.done() && drained < k_drain_bytes && !left_) {
        auto event = co_await incoming.decoder.next(input_, k_head_read, deadline);
        if (!event) co_return false;
        if (const auto* chunk = std::get_if<net::Chunk>(&*event)) drained += chunk->size();
    }
    co_return incoming.decoder.done();
}

// Ends our direction and reads away what still comes, so that the client sees the answer and not a reset.
Task<> ServerSession::linger() {
    auto finished = co_await stream_->finish(now() + k_linger_time);
    if (!finished || watching_) co_return;
    const auto deadline = now() + k_linger_time;
    std::uint64_t drained = 0;
    while (drained < k_drain_bytes) {
        auto chunk = co_await stream_->read(k_head_read, deadline);
        if (!chunk || chunk->empty()) co_return;
        drained += chunk->size();
    }
}

void ServerSession::tell(const RequestHead& head, const Arrival& arrival, const Response& response, const Tally& tally,
                         std::uint64_t bytes_in) {
    if (end_.log == nullptr) return;
    const auto authority = head.target.authority.to_string();
    end_.log->ended({.method = head.method,
                     .authority = authority,
                     .path = head.target.path,
                     .version = head.version,
                     .status = tally.status,
                     .bytes_in = bytes_in,
                     .bytes_out = tally.bytes_out,
                     .duration = now() - tally.began,
                     .to_first_byte = tally.to_first_byte,
                     .ending = tally.ending,
                     .cause = tally.cause,
                     .peer = end_.connection->peer,
                     .client_id = end_.connection->client_id,
                     .request_id = arrival.request_id,
                     .user_agent = head.fields.get_or("user-agent", {}),
                     .notes = response.notes});
}

}  // namespace

std::unique_ptr<Session> serve(std::unique_ptr<net::ByteStream> stream, net::Chunk already_read, ServerEnd end) {
    return std::make_unique<ServerSession>(std::move(stream), std::move(already_read), std::move(end));
}

}  // namespace longshore::http::h1

// The serving side: requests out of header blocks, handlers in children of the session, responses back.
#include "http/h2/core.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace longshore::http::h2 {
namespace {

constexpr std::chrono::seconds k_answer_time{5};  // of a busy client to a PING

}  // namespace

// Ends the wait for a client that does not answer.
class ServerCore::LeaveTimer final : public net::Timer {
public:
    explicit LeaveTimer(ServerCore& core) : core_(core) {}
    void fire() noexcept override { core_.leave(); }

private:
    ServerCore& core_;
};

ServerCore::ServerCore(std::unique_ptr<net::ByteStream> stream, net::Chunk already_read, ServerEnd end, DiskPool& disk)
    : Core(Role::server, std::move(stream), std::move(already_read), *end.options, disk), end_(std::move(end)) {}

ServerCore::~ServerCore() = default;

// RFC 9113 §6.8: first a GOAWAY that refuses nothing, and a PING behind it. When that comes back, every stream that the
// client opened without knowing is here, and the last one can be named.
void ServerCore::drain(std::chrono::nanoseconds quiet) noexcept {
    if (std::exchange(draining_, true) || ended_) return;
    nghttp2_submit_shutdown_notice(session_);
    leave_timer_ = std::make_unique<LeaveTimer>(*this);
    loop_.timers().arm(*leave_timer_, after(now(), std::max<std::chrono::nanoseconds>(quiet, k_answer_time)));
    wake_writer();
}

// Only now: nghttp2 sends a PING before whatever else waits.
void ServerCore::told() {
    if (leave_timer_ && !leaving_) nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
}

void ServerCore::leave() noexcept {
    if (!draining_ || ended_ || std::exchange(leaving_, true)) return;
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
    if (open_streams() == 0) begin_goodbye(NGHTTP2_NO_ERROR);
    wake_writer();
}

std::size_t ServerCore::farewell() noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(relays_, [](Relay* relay) { return relay->farewell(); }));
}

void ServerCore::head(Stream& stream) {
    // Whether a body that is announced as empty really is shows at its end; nobody may act on the request before.
    stream.in.head_held = stream.in.block.length == std::uint64_t{0} && !stream.in.ended;
    if (stream.in.head_held) return;
    stream.in.head_done = true;
    ready_.push_back(stream.shared_from_this());
}

void ServerCore::settle() {
    for (const auto& stream : std::exchange(ready_, {})) {
        if (stream->closed) continue;
        auto self = std::static_pointer_cast<ServerCore>(shared_from_this());
        if (stream->in.block.too_large) {
            auto response = Response::text(431, "the request's fields are too large");
            answer(stream, response);
            continue;
        }
        if (stream->in.block.path.size() > options().target_bytes) {
            auto response = Response::text(414, "the request target is too long");
            answer(stream, response);
            continue;
        }
        auto request = request_from(*stream);
        if (!request) {
            stream->cut = Errc::invalid;
            reset(*stream, NGHTTP2_PROTOCOL_ERROR);
            continue;
        }
        if (end_.covers && !end_.covers(request->target.authority.host)) {
            auto response = Response::text(421, "this connection's certificate is not for that host");
            answer(stream, response);
            continue;
        }
        // Handlers of streams that were reset may take a while to end.
        if (scope_.size() > 2 * std::size_t{options().max_streams}) {
            stream->cut = Errc::overloaded;
            reset(*stream, NGHTTP2_REFUSED_STREAM);
            continue;
        }
        stream->place = end_.load->request();
        if (!stream->place) {
            auto response = turned_away();
            answer(stream, response);
            continue;
        }
        scope_.start(serve(std::move(self), stream, std::move(*request)), stream->work);
    }
}

void ServerCore::count(Cut why) noexcept {
    if (end_.metrics != nullptr) end_.metrics->cut(why);
}

Result<Request> ServerCore::request_from(Stream& stream) {
    auto& block = stream.in.block;
    const auto invalid = [](const char* why) { return Error{Errc::invalid, why}; };
    Request request;
    const bool connect = block.method == "CONNECT";
    const std::string scheme =
        connect && block.protocol.empty() ? (end_.connection->secure ? "https" : "http") : block.scheme;
    if (scheme != "http" && scheme != "https") return invalid("scheme");
    if (block.authority.empty() && block.host) block.authority = *block.host;
    // CONNECT names its port, also when it is the scheme's own (RFC 9113 §8.5).
    const bool tunnel = connect && block.protocol.empty();
    auto authority = Authority::parse(block.authority, tunnel ? std::uint16_t{0} : default_port(scheme));
    if (!authority) return authority.error();
    if (tunnel && authority->port == 0) return invalid("CONNECT without a port");
    if (block.host) {
        const auto host = Authority::parse(*block.host, tunnel ? std::uint16_t{0} : default_port(scheme));
        if (!host || *host != *authority) return invalid("host and :authority differ");
    }
    if (tunnel) {
        request.upgrade = Upgrade::connect;
        request.target.scheme = scheme;
        request.target.authority = std::move(*authority);
        request.target.path.clear();
    } else {
        if (connect && block.protocol != "websocket") return invalid(":protocol");
        if (connect) request.upgrade = Upgrade::websocket;
        auto target = Target::from_path(scheme, std::move(*authority), block.path);
        if (!target) return target.error();
        request.target = std::move(*target);
    }
    if (request.upgrade != Upgrade::none) block.length.reset();
    request.method = request.upgrade == Upgrade::websocket ? "GET" : block.method;
    request.fields = std::move(block.fields);
    stream.method = request.method;
    stream.authority = request.target.authority.to_string();
    stream.path = request.target.path;
    stream.user_agent = request.fields.get_or("user-agent", {});
    stream.arrival = std::make_shared<const Arrival>(Arrival{end_.connection, next_request_id()});
    request.arrival = stream.arrival;
    // The whole body may have come in one read with the head.
    const bool bodiless = stream.in.ended && stream.in.held == 0 && stream.in.trailers.empty();
    if (!bodiless && request.upgrade == Upgrade::none) {
        request.body = Body::of(body_of(stream.shared_from_this()), block.length);
    }
    request.interim = [weak = stream.weak_from_this()](Status status, const Fields& fields) {
        const auto to = weak.lock();
        if (!to || to->core == nullptr || to->closed || to->status != 0 || status < 102 || status > 199) return;
        static_cast<ServerCore*>(to->core)->submit_interim(*to, status, fields);
    };
    return request;
}

void ServerCore::submit_interim(Stream& stream, Status status, const Fields& fields) {
    const auto code = std::to_string(status);
    std::vector<nghttp2_nv> block{field_of(":status", code)};
    for (const auto field : fields) block.push_back(field_of(field.name, field.value));
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, block.data(), block.size(), nullptr);
    wake_writer();
}

void ServerCore::body_wanted(Stream& stream) {
    if (stream.status == 0 && std::exchange(stream.in.block.expects_continue, false)) submit_interim(stream, 100, {});
}

Task<> ServerCore::serve(std::shared_ptr<ServerCore> self, std::shared_ptr<Stream> stream, Request request) {
    const auto upgrade = request.upgrade;
    auto response = co_await self->end_.handler->handle(std::move(request));
    if (stream->closed || stream->core == nullptr) co_return;
    if (response.stream && upgrade != Upgrade::none) {
        response.status = 200;
        response.body = Body::none();
        stream->out.more = stream->out.tunnel = true;
        stream->out.has_body = true;
        stream->notes = std::move(response.notes);
        stream->place.reset();
        self->submit(*stream, response, true);
        const auto client = bytes_of(stream);
        Relay relay{*client, *response.stream, upgrade};
        self->relays_.push_back(&relay);
        co_await relay.run();
        std::erase(self->relays_, &relay);
        co_return;
    }
    self->answer(stream, response);
    auto* const source = std::get_if<std::unique_ptr<BodySource>>(&response.body.content);
    if (source != nullptr && stream->out.has_body) co_await send_source(stream, std::move(*source));
}

void ServerCore::answer(const std::shared_ptr<Stream>& stream, Response& response) {
    const bool bodiless = stream->method == "HEAD" || response.status == 204 || response.status == 304;
    stream->notes = std::move(response.notes);
    const bool with_body = !bodiless && !response.body.empty() && response.body.length != std::uint64_t{0};
    if (!response.body.length && response.body.empty() && !bodiless) response.body.length = 0;
    if (with_body) set_body(*stream, response.body);
    submit(*stream, response, with_body);
}

void ServerCore::submit(Stream& stream, const Response& response, bool with_body) {
    std::array<char, 8> status{};
    const auto* const status_end = std::to_chars(status.data(), status.data() + status.size(), response.status).ptr;
    std::array<char, 24> length{};
    std::vector<nghttp2_nv> block;
    block.reserve(response.fields.size() + 3);
    block.push_back(field_of(":status", {status.data(), static_cast<std::size_t>(status_end - status.data())}));
    if (!response.fields.has("date")) block.push_back(field_of("date", current_date(loop_.clock().wall())));
    for (const auto field : response.fields) block.push_back(field_of(field.name, field.value));
    if (response.body.length) {
        const auto* const end = std::to_chars(length.data(), length.data() + length.size(), *response.body.length).ptr;
        block.push_back(field_of("content-length", {length.data(), static_cast<std::size_t>(end - length.data())}));
    }
    stream.status = response.status;
    stream.to_first_byte = now() - stream.began;
    const auto body = provider(stream);
    if (!with_body) stream.out.finished = true;
    nghttp2_submit_response(session_, stream.id, block.data(), block.size(), with_body ? &body : nullptr);
    wake_writer();
}

void ServerCore::closed(Stream& stream) {
    stream.work.cancel();
    const bool complete = stream.out.finished && !stream.cut && stream.status != 0;
    if (end_.log != nullptr) {
        end_.log->ended({.method = stream.method,
                         .authority = stream.authority,
                         .path = stream.path,
                         .version = Version::http2,
                         .status = stream.status,
                         .bytes_in = stream.in.bytes,
                         .bytes_out = stream.out.sent,
                         .duration = now() - stream.began,
                         .to_first_byte = stream.to_first_byte,
                         .ending = complete     ? Ending::complete
                                   : stream.cut ? Ending::cut
                                                : Ending::client_left,
                         .cause = stream.cut,
                         .peer = end_.connection->peer,
                         .client_id = end_.connection->client_id,
                         .request_id = stream.arrival ? stream.arrival->request_id : next_request_id(),
                         .user_agent = stream.user_agent,
                         .notes = stream.notes});
    }
    if (leaving_ && open_streams() == 1 && !ended_) begin_goodbye(NGHTTP2_NO_ERROR);
}

}  // namespace longshore::http::h2

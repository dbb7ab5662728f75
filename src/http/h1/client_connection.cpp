#include "http/h1/client_connection.hpp"

#include "http/h1/syntax_websocket.hpp"
#include "http/h1/syntax_write.hpp"
#include "net/loop.hpp"

namespace longshore::http::h1 {
namespace {

constexpr std::size_t k_head_read = net::SlabPool::k_small;

Framing framing_of(const Request& request) {
    const auto& body = request.body;
    if (body.empty()) {
        const bool expects_body = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
        return expects_body ? Framing::length : Framing::none;
    }
    return body.length ? Framing::length : Framing::chunked;
}

bool is_source(const Body& body) { return std::holds_alternative<std::unique_ptr<BodySource>>(body.content); }

}  // namespace

// A request body on its way out beside the response.
struct ClientConnection::Pump {
    std::string head;
    Body body;
    Framing framing;
    std::uint64_t sent = 0;
    bool done = false;
    net::Scope scope;  // so that ending the exchange ends the pull
    bool source_failed = false;
    std::optional<Error> failure;
};

// Tells a body that could not be had from a peer that would not take it.
class ClientConnection::WatchedSource final : public BodySource {
public:
    WatchedSource(std::unique_ptr<BodySource> source, bool& failed) : source_(std::move(source)), failed_(failed) {}
    [[nodiscard]] Task<Result<BodyEvent>> next(std::size_t at_most) override {
        auto event = co_await source_->next(at_most);
        failed_ = !event;
        co_return event;
    }
    void cancel(Errc reason) noexcept override { source_->cancel(reason); }

private:
    std::unique_ptr<BodySource> source_;
    bool& failed_;
};

class ClientConnection::ResponseBody final : public BodySource {
public:
    ResponseBody(std::shared_ptr<ClientConnection> connection, BodyDecoder decoder, bool keep_alive)
        : connection_(std::move(connection)), decoder_(std::move(decoder)), keep_alive_(keep_alive) {}
    ResponseBody(const ResponseBody&) = delete;
    ResponseBody& operator=(const ResponseBody&) = delete;
    ~ResponseBody() override { give_up(Errc::cancelled); }

    [[nodiscard]] Task<Result<BodyEvent>> next(std::size_t at_most) override {
        if (!connection_) co_return Error{Errc::cancelled, "the response was given up"};
        auto event = co_await decoder_.next(connection_->input_, at_most, Deadline::max());
        if (!event) {
            give_up(event.error().code);
        } else if (std::holds_alternative<Trailers>(*event)) {
            std::exchange(connection_, nullptr)->end(keep_alive_);
        }
        co_return event;
    }
    void cancel(Errc reason) noexcept override { give_up(reason); }

private:
    void give_up(Errc reason) noexcept {
        if (const auto connection = std::exchange(connection_, nullptr)) {
            connection->abort(reason);
            connection->end(false);
        }
    }

    std::shared_ptr<ClientConnection> connection_;
    BodyDecoder decoder_;
    bool keep_alive_;
};

class ClientConnection::UpgradedStream final : public Upgraded {
public:
    explicit UpgradedStream(std::shared_ptr<ClientConnection> connection)
        : Upgraded(*connection->stream_, connection->input_), connection_(std::move(connection)) {}
    UpgradedStream(const UpgradedStream&) = delete;
    UpgradedStream& operator=(const UpgradedStream&) = delete;
    ~UpgradedStream() override {
        connection_->abort(Errc::cancelled);
        connection_->end(false);
    }

private:
    std::shared_ptr<ClientConnection> connection_;
};

ClientConnection::ClientConnection(std::unique_ptr<net::ByteStream> stream, const SessionOptions& options,
                                   net::Scope& pumps)
    : stream_(std::move(stream)), options_(options), pumps_(pumps), input_(*stream_, {}) {
    stream_->set_pace({options_.body_idle_timeout, options_.body_idle_timeout});
}

void ClientConnection::abort(Errc reason) noexcept { stream_->abort(reason); }

void ClientConnection::end(bool reusable) {
    if (std::exchange(ended_, true)) return;
    if (const auto pump = std::exchange(pump_, nullptr)) {
        reusable = reusable && pump->done && !pump->failure;
        pump->scope.cancel();
    }
    if (!reusable) abort(Errc::cancelled);
    if (on_end) on_end(reusable && input_.text().empty());
}

Task<Sent> ClientConnection::exchange(Request& request) {
    ++exchanges_;
    answered_ = false;
    ended_ = false;
    auto sent = co_await send_head(request);
    if (!sent) {
        end(false);
        co_return SendError{sent.error(), request.body.touched ? Reached::body : Reached::head};
    }
    auto response = co_await receive(request);
    if (!response) {
        if (pump_ && pump_->failure) response = SendError{*pump_->failure, Reached::body};
        end(false);
    }
    co_return response;
}

Task<Result<>> ClientConnection::send_head(Request& request) {
    websocket_key_ = request.upgrade == Upgrade::websocket ? make_websocket_key() : std::string{};
    const auto framing = framing_of(request);
    out_.clear();
    append_request_head(out_, {.method = request.method,
                               .target = request.target,
                               .fields = request.fields,
                               .framing = framing,
                               .length = request.body.length.value_or(0),
                               .websocket_key = websocket_key_});
    if (is_source(request.body)) {
        pump_ = std::make_shared<Pump>();
        pump_->head = std::exchange(out_, {});
        pump_->body = std::exchange(request.body, Body::none());
        auto& source = std::get<std::unique_ptr<BodySource>>(pump_->body.content);
        source = std::make_unique<WatchedSource>(std::move(source), pump_->source_failed);
        pump_->framing = framing;
        request.body.touched = true;
        pumps_.start(pump(shared_from_this(), pump_));
        co_return Result<>{};
    }
    // Not moved out: the same request may be sent again.
    Body copy;
    copy.length = request.body.length;
    if (const auto* chunk = std::get_if<net::Chunk>(&request.body.content)) copy.content = *chunk;
    if (const auto* range = std::get_if<net::FileRange>(&request.body.content)) copy.content = *range;
    std::uint64_t bytes = 0;
    auto wrote = co_await send_message(*stream_, out_, copy, framing, bytes);
    co_return wrote;
}

Task<> ClientConnection::pump(std::shared_ptr<ClientConnection> connection, std::shared_ptr<Pump> pump) {
    struct Send {
        static Task<> run(ClientConnection& to, Pump& what) {
            auto sent = co_await send_message(*to.stream_, what.head, what.body, what.framing, what.sent);
            what.done = true;
            if (sent) co_return;
            what.failure = sent.error();
            // The peer waits for a body that will never be whole. When it was the peer that would not take it, what it
            // answered before stays readable.
            if (what.source_failed || sent.error().code != Errc::peer_closed) to.abort(sent.error().code);
        }
    };
    pump->scope.start(Send::run(*connection, *pump));
    co_await pump->scope.join();
    pump->body = {};
}

Task<Sent> ClientConnection::receive(Request& request) {
    const HeadLimits limits{options_.target_bytes, options_.head_bytes, options_.field_count};
    const auto reached = request.body.touched ? Reached::body : Reached::head;
    HeadScan scan;
    for (;;) {
        auto head = parse_response_head(input_.text(), request.method, limits, scan);
        if (!head)
            co_return SendError{{Errc::corrupt, "the answer is not HTTP: " + std::string{head.error().why}}, reached};
        if (!*head) {
            auto got = co_await input_.more(k_head_read, request.deadline);
            if (!got) co_return SendError{got.error(), reached};
            if (*got == 0) co_return SendError{{Errc::peer_closed, "the peer closed before it answered"}, reached};
            answered_ = true;
            continue;
        }
        scan = {};
        input_.consume((*head)->bytes);
        const auto status = (*head)->status;
        if (status >= 200 || (*head)->switched) co_return respond(request, std::move(**head));
        if (request.interim && status != 100) request.interim(status, (*head)->fields);
    }
}

Sent ClientConnection::respond(const Request& request, ResponseHead head) {
    const bool connected = request.upgrade == Upgrade::connect && head.status / 100 == 2;
    if (head.switched || connected) return upgraded(request, std::move(head));
    Response response;
    response.status = head.status;
    response.fields = std::move(head.fields);
    response.body.length = head.length;
    if (head.framing == Framing::none || (head.framing == Framing::length && head.length == 0)) {
        end(head.keep_alive);
        return response;
    }
    const auto length = head.framing == Framing::length ? *head.length : 0;
    if (head.framing == Framing::length && length <= input_.text().size()) {
        auto chunk = input_.slice(0, length);
        input_.consume(length);
        end(head.keep_alive);
        response.body = Body::of(std::move(chunk));
        return response;
    }
    response.body.content = std::make_unique<ResponseBody>(shared_from_this(), BodyDecoder{head.framing, length},
                                                           head.keep_alive && head.framing != Framing::until_close);
    return response;
}

Sent ClientConnection::upgraded(const Request& request, ResponseHead head) {
    if (request.upgrade == Upgrade::none) {
        return SendError{{Errc::corrupt, "the peer switched protocols without being asked"}, Reached::head};
    }
    if (request.upgrade == Upgrade::websocket && head.websocket_accept != websocket_accept(websocket_key_)) {
        return SendError{{Errc::corrupt, "the peer's Sec-WebSocket-Accept does not fit the key"}, Reached::head};
    }
    Response response;
    response.status = 200;
    response.fields = std::move(head.fields);
    stream_->set_pace({});
    response.stream = std::make_unique<UpgradedStream>(shared_from_this());
    return response;
}

}  // namespace longshore::http::h1

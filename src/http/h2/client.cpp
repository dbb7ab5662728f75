// The asking side: requests to header blocks, answers back.
#include "http/h2/core.hpp"

#include <charconv>

namespace longshore::http::h2 {

ClientCore::ClientCore(std::unique_ptr<net::ByteStream> stream, const SessionOptions& options, DiskPool& disk)
    : Core(Role::client, std::move(stream), {}, options, disk) {}

void ClientCore::drain(std::chrono::nanoseconds) noexcept {
    draining_ = true;
    if (open_streams() == 0) begin_goodbye(NGHTTP2_NO_ERROR);
}

bool ClientCore::accepts() const noexcept {
    if (draining_ || ended_ || nghttp2_session_check_request_allowed(session_) == 0) return false;
    return open_streams() < nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

void ClientCore::head(Stream& stream) {
    auto& block = stream.in.block;
    Status status = 0;
    std::from_chars(block.status.data(), block.status.data() + block.status.size(), status);
    if (status < 200) {
        if (stream.interim && status != 100) stream.interim(status, block.fields);
        return;
    }
    stream.status = status;
    stream.in.head_done = true;
}

void ClientCore::closed(Stream& stream) {
    stream.work.cancel();
    if (draining_ && open_streams() == 1 && !ended_) begin_goodbye(NGHTTP2_NO_ERROR);
}

Task<Sent> ClientCore::send(Request& request) {
    if (!accepts()) co_return SendError{{Errc::overloaded, "no more HTTP/2 streams"}, Reached::nothing};
    auto stream = std::make_shared<Stream>();
    stream->interim = std::move(request.interim);
    if (!request.body.empty()) set_body(*stream, request.body);
    if (request.upgrade != Upgrade::none) stream->out.has_body = stream->out.more = stream->out.tunnel = true;
    const auto id = submit(request, *stream);
    if (!id) {
        request.interim = std::move(stream->interim);
        co_return SendError{id.error(), Reached::nothing};
    }
    add(*id, stream);
    wake_writer();
    if (auto* source = std::get_if<std::unique_ptr<BodySource>>(&request.body.content)) {
        request.body.touched = true;
        scope_.start(send_source(stream, std::move(*source)), stream->work);
        request.body.content = std::monostate{};
    }
    const auto reached = [&request] { return request.body.touched ? Reached::body : Reached::head; };
    while (!stream->in.head_done) {
        if (stream->closed) {
            const bool untouched = stream->refused && !request.body.touched;
            request.interim = std::move(stream->interim);
            co_return SendError{{stream->gone.value_or(Errc::peer_closed), "HTTP/2 stream was closed"},
                                untouched ? Reached::nothing : reached()};
        }
        auto waited = co_await stream->changed.wait(request.deadline);
        if (!waited) {
            if (!stream->closed) reset(*stream, NGHTTP2_CANCEL);
            request.interim = std::move(stream->interim);
            co_return SendError{{waited.error().code, "waiting for an HTTP/2 response"}, reached()};
        }
    }
    co_return respond(request, stream);
}

Result<std::int32_t> ClientCore::submit(const Request& request, Stream& stream) {
    const bool websocket = request.upgrade == Upgrade::websocket;
    const bool connect = request.upgrade == Upgrade::connect;
    if (websocket && nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) != 1) {
        return Error{Errc::unsupported, "the peer takes no WebSockets over HTTP/2"};
    }
    const auto authority = request.target.authority.to_string();
    const auto path = request.target.path_and_query();
    std::string length;
    std::vector<nghttp2_nv> block{field_of(":method", websocket ? std::string_view{"CONNECT"} : request.method)};
    if (websocket) block.push_back(field_of(":protocol", "websocket"));
    if (!connect) {
        block.push_back(field_of(":scheme", request.target.scheme));
        block.push_back(field_of(":path", path));
    }
    block.push_back(field_of(":authority", authority));
    for (const auto field : request.fields) {
        if (!is_hop_by_hop(field.name)) block.push_back(field_of(field.name, field.value));
    }
    if (stream.out.has_body && request.body.length) {
        length = std::to_string(*request.body.length);
        block.push_back(field_of("content-length", length));
    }
    const auto body = provider(stream);
    if (!stream.out.has_body) stream.out.finished = true;
    const auto id = nghttp2_submit_request(session_, nullptr, block.data(), block.size(),
                                           stream.out.has_body ? &body : nullptr, nullptr);
    if (id < 0) return Error{Errc::overloaded, nghttp2_strerror(id)};
    return id;
}

Response ClientCore::respond(const Request& request, const std::shared_ptr<Stream>& stream) {
    Response response;
    response.status = stream->status;
    response.fields = std::move(stream->in.block.fields);
    response.body.length = stream->in.block.length;
    if (request.upgrade != Upgrade::none && stream->status / 100 == 2) {
        response.status = 200;
        response.body.length.reset();
        stream->in.block.length.reset();
        response.stream = bytes_of(stream);
        return response;
    }
    const bool no_body = request.method == "HEAD" || response.status == 204 || response.status == 304;
    const bool nothing_left = stream->in.ended && stream->in.held == 0 && stream->in.trailers.empty();
    if (!no_body && !nothing_left) response.body.content = body_of(stream);
    return response;
}

}  // namespace longshore::http::h2

#include "http/message.hpp"

#include <stdexcept>

namespace longshore::http {

Body Body::none() { return {}; }

Body Body::of(net::Chunk chunk) {
    Body body;
    body.length = chunk.size();
    body.content = std::move(chunk);
    return body;
}

Body Body::of(std::string text) { return of(net::Chunk::of(std::move(text))); }

Body Body::of(net::FileRange range) {
    Body body;
    body.length = range.length;
    body.content = std::move(range);
    return body;
}

Body Body::of(std::unique_ptr<BodySource> source, std::optional<std::uint64_t> length) {
    Body body;
    body.content = std::move(source);
    body.length = length;
    return body;
}

namespace {

template <class Part>
BodyEvent cut(Part& part, std::size_t at_most);

template <>
BodyEvent cut(net::Chunk& chunk, std::size_t at_most) {
    const auto piece = chunk.first(std::min(at_most, chunk.size()));
    chunk = chunk.from(piece.size());
    return piece;
}

template <>
BodyEvent cut(net::FileRange& range, std::size_t at_most) {
    auto piece = range;
    piece.length = std::min<std::uint64_t>(at_most, range.length);
    range.offset += piece.length;
    range.length -= piece.length;
    return piece;
}

}  // namespace

Task<Result<BodyEvent>> Body::next(std::size_t at_most) {
    touched = true;
    if (auto* chunk = std::get_if<net::Chunk>(&content); chunk != nullptr && !chunk->empty()) {
        co_return cut(*chunk, at_most);
    }
    if (auto* range = std::get_if<net::FileRange>(&content); range != nullptr && range->length != 0) {
        co_return cut(*range, at_most);
    }
    if (auto* source = std::get_if<std::unique_ptr<BodySource>>(&content)) {
        auto event = co_await (*source)->next(at_most);
        co_return event;
    }
    co_return Trailers{};
}

Task<Result<std::string>> read_whole(Body& body, std::size_t limit_bytes) {
    if (body.length && *body.length > limit_bytes) co_return Error{Errc::too_large, "body"};
    std::string whole;
    for (;;) {
        auto event = co_await body.next(limit_bytes + 1 - whole.size());
        if (!event) co_return event.error();
        if (std::holds_alternative<Trailers>(*event)) co_return whole;
        if (const auto* chunk = std::get_if<net::Chunk>(&*event)) {
            whole.append(chunk->text());
        } else {
            const auto& range = std::get<net::FileRange>(*event);
            const auto at = whole.size();
            whole.resize(at + range.length);
            const auto got = range.file->read_at(range.offset, std::as_writable_bytes(std::span{whole}.subspan(at)));
            if (!got) co_return got.error();
            if (*got != range.length) co_return Error{Errc::corrupt, "a file in a body is shorter than it was"};
        }
        if (whole.size() > limit_bytes) co_return Error{Errc::too_large, "body"};
    }
}

Response Response::text(Status status, std::string_view text) {
    Response response;
    response.status = status;
    response.fields.add("content-type", "text/plain; charset=utf-8");
    response.body = Body::of(std::string{text} + "\n");
    return response;
}

void throw_exception_from_error(const SendError& error, const boost::source_location& where) {
    longshore::throw_exception_from_error(error.error, where);
}

Status status_for(Errc code) noexcept {
    switch (code) {
        case Errc::not_found:
            return 404;
        case Errc::invalid:
            return 400;
        case Errc::unauthenticated:
            return 401;
        case Errc::denied:
            return 403;
        case Errc::conflict:
            return 409;
        case Errc::unsupported:
            return 501;
        case Errc::too_large:
            return 413;
        case Errc::timeout:
            return 504;
        case Errc::cancelled:
            return 503;
        case Errc::peer_closed:
            return 502;
        case Errc::overloaded:
            return 503;
        case Errc::corrupt:
            return 502;
        case Errc::io:
            return 500;
    }
    return 500;
}

std::string_view reason_phrase(Status status) noexcept {
    switch (status) {
        case 100:
            return "Continue";
        case 101:
            return "Switching Protocols";
        case 103:
            return "Early Hints";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 407:
            return "Proxy Authentication Required";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 411:
            return "Length Required";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 416:
            return "Range Not Satisfiable";
        case 417:
            return "Expectation Failed";
        case 421:
            return "Misdirected Request";
        case 425:
            return "Too Early";
        case 426:
            return "Upgrade Required";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 508:
            return "Loop Detected";
        default:
            return {};
    }
}

}  // namespace longshore::http

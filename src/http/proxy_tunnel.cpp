#include "http/proxy_tunnel.hpp"

#include "http/h1/syntax.hpp"

namespace longshore::http {
namespace {

constexpr std::size_t k_head_limit = std::size_t{16} * 1024;  // bytes of all answers together
constexpr std::string_view k_end = "\r\n\r\n";

std::string request_for(const Proxy& proxy, const std::string& to) {
    std::string head = "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n";
    if (!proxy.authorization.empty()) head.append("Proxy-Authorization: ").append(proxy.authorization).append("\r\n");
    return head.append("\r\n");
}

Errc code_for(Status status) {
    switch (status) {
        case 407:
            return Errc::unauthenticated;
        case 401:
        case 403:
            return Errc::denied;
        case 504:
            return Errc::timeout;
        case 429:
        case 503:
            return Errc::overloaded;
        default:
            return Errc::io;
    }
}

Error refused(const Proxy& proxy, const std::string& to, Status status) {
    std::string where = "proxy " + proxy.to_string() + " answered " + std::to_string(status);
    if (const auto reason = reason_phrase(status); !reason.empty()) where.append(" ").append(reason);
    where.append(" to CONNECT ").append(to);
    if (status == 407) {
        where.append(proxy.authorization.empty() ? ": it wants credentials, http://USER:PASSWORD@HOST:PORT"
                                                 : ": it does not take the credentials of its URL");
    }
    return {code_for(status), std::move(where)};
}

// The status of one answer, interim ones included.
Task<Result<Status>> read_answer(net::ByteStream& stream, std::size_t& left, Deadline deadline) {
    const h1::HeadLimits limits;
    std::string head;
    h1::HeadScan scan;
    for (;;) {
        const auto wanted = bytes_before_end(head);
        if (wanted > left) co_return Error{Errc::too_large, "its answer is too long"};
        auto read = co_await stream.read(wanted, deadline);
        if (!read) co_return read.error();
        if (read->empty()) co_return Error{Errc::peer_closed, "it hung up"};
        left -= read->size();
        head.append(read->text());
        if (!head.ends_with(k_end)) continue;
        auto parsed = h1::parse_response_head(head, "CONNECT", limits, scan);
        if (!parsed) co_return Error{Errc::corrupt, "its answer is not HTTP: " + std::string{parsed.error().why}};
        if (*parsed) co_return (*parsed)->status;
    }
}

}  // namespace

std::size_t bytes_before_end(std::string_view head) noexcept {
    for (std::size_t matched = k_end.size() - 1; matched > 0; --matched) {
        if (head.ends_with(k_end.substr(0, matched))) return k_end.size() - matched;
    }
    return k_end.size();
}

Task<Result<>> open_tunnel(net::ByteStream& stream, Proxy proxy, Authority to, Deadline deadline) {
    const auto name = to.to_string();
    const auto failed = [&](const Error& error) {
        return Error{error.code, "proxy " + proxy.to_string() + ", CONNECT " + name + ": " + error.where};
    };
    auto head = net::Chunk::of(request_for(proxy, name));
    if (auto wrote = co_await stream.write(std::move(head), deadline); !wrote) co_return failed(wrote.error());
    for (auto left = k_head_limit;;) {
        auto status = co_await read_answer(stream, left, deadline);
        if (!status) co_return failed(status.error());
        if (*status < 200 && *status != 101) continue;
        if (*status / 100 == 2) co_return Result<>{};
        co_return refused(proxy, name, *status);
    }
}

}  // namespace longshore::http

#include "app/ask.hpp"

#include "app/alone.hpp"
#include "http/client_pool.hpp"

namespace longshore::app {
namespace {

constexpr std::size_t k_answer_limit = std::size_t{16} << 20;
constexpr std::chrono::seconds k_patience{5};

Task<Result<Answer>> get(http::ClientPool& pool, http::Target target) {
    http::Request request;
    request.target = std::move(target);
    request.fields.add("user-agent", "longshore/" LONGSHORE_VERSION);
    auto sent = co_await pool.send(request);
    if (!sent) co_return sent.error().error;
    auto body = co_await http::read_whole(sent->body, k_answer_limit);
    if (!body) co_return body.error();
    co_return Answer{sent->status, std::move(*body)};
}

Task<Result<Answer>> get_alone(http::Target target, std::string unix_socket) {
    net::Resolver resolver;
    DiskPool disk{1};
    http::PoolOptions options;
    options.connect_timeout = k_patience;
    options.response_timeout = k_patience;
    options.session.body_idle_timeout = k_patience;
    http::ClientPool pool{{resolver, disk, nullptr}, options};
    if (!unix_socket.empty()) pool.configure(target, {.dial_host = unix_socket});
    auto answer = co_await get(pool, std::move(target));
    co_await pool.close();
    co_return answer;
}

}  // namespace

Result<Answer> ask(const std::string& url, const std::string& unix_socket) {
    auto target = http::Target::from_url(url);
    if (!target) return target.error();
    return run_alone(get_alone(std::move(*target), unix_socket));
}

}  // namespace longshore::app

#include "registry/upstream_client.hpp"

#include "base/log.hpp"
#include "http/range.hpp"
#include "net/on_loop.hpp"
#include "registry/challenge.hpp"

#include <charconv>

namespace longshore::registry {
namespace {

constexpr int k_most_redirects = 5;
constexpr std::string_view k_retry_after = "1";  // seconds, when we are the one who is busy

std::string home_key(const Upstream& upstream, const RepositoryName& repository) {
    return upstream.name + "/" + repository.text();
}

bool is_redirect(http::Status status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool same_origin(const http::Target& a, const http::Target& b) {
    return a.scheme == b.scheme && a.authority == b.authority;
}

Failure unreachable(const UpstreamClient::Question& question, const Error& error) {
    const http::Status status = error.code == Errc::timeout ? 504 : error.code == Errc::overloaded ? 503 : 502;
    return {{status,
             ErrorCode::unknown,
             "registry " + question.upstream.name + " could not be reached: " + to_string(error),
             {}},
            true,
            status == 503 ? std::string{k_retry_after} : std::string{}};
}

Failure short_of_memory(const UpstreamClient::Question& question) {
    return {{503,
             ErrorCode::unknown,
             "this mirror is short of memory and asks " + question.upstream.name + " nothing now",
             {}},
            true,
            std::string{k_retry_after}};
}

Failure bad_answer(const UpstreamClient::Question& question, std::string_view what) {
    return {{502, ErrorCode::unknown, "registry " + question.upstream.name + " " + std::string{what}, {}}, true, {}};
}

// What an answer other than 200 means to the caller.
Failure failure_for(const UpstreamClient::Question& question, const http::Response& response) {
    const auto status = response.status;
    const auto& name = question.repository.text();
    if (status == 404)
        return {{404, question.unknown, name + " has no such content at " + question.upstream.name, {}}, false, {}};
    if (status == 401 || status == 403) {
        return {{404,
                 ErrorCode::name_unknown,
                 name + " does not exist at " + question.upstream.name + " or may not be read without a login",
                 {}},
                false,
                {}};
    }
    if (status == 429) {
        return {{429,
                 ErrorCode::too_many_requests,
                 "registry " + question.upstream.name + " limits the rate of pulls; wait, or try another time",
                 {}},
                true,
                std::string{response.fields.get_or("retry-after", "60")}};
    }
    if (status == 508) {
        return {{508,
                 ErrorCode::unsupported,
                 "registry " + question.upstream.name + " is a mirror that asks this one: look at their upstreams",
                 {}},
                true,
                {}};
    }
    return bad_answer(question, "answered " + std::to_string(status));
}

bool is_rest_from(std::uint64_t first, const http::Response& response) {
    const auto sent = http::parse_content_range(response.fields.get_or("content-range", {}));
    return sent && sent->range && sent->size && sent->range->first == first && sent->range->last + 1 == *sent->size &&
           response.body.length.value_or(sent->range->size()) == sent->range->size();
}

// Redirects stay on https unless the operator pointed the upstream at http.
bool may_follow(const Upstream& upstream, const http::Target& to) {
    return to.scheme == "https" || (to.scheme == "http" && upstream.url.scheme == "http");
}

http::Egress egress_of(const Upstream& upstream) { return {net::Reach::anywhere, upstream.proxies}; }

// For where an answer sends us.
http::Egress egress_after(const Upstream& upstream, const http::Response& answer) {
    const bool anywhere = !answer.from_public || upstream.private_redirects;
    return {anywhere ? net::Reach::anywhere : net::Reach::public_only, upstream.proxies};
}

}  // namespace

void throw_exception_from_error(const Failure& failure, const boost::source_location& where) {
    throw_exception_from_error(failure.refusal, where);
}

http::Response refuse(const Failure& failure) {
    auto response = refuse(failure.refusal);
    if (!failure.retry_after.empty()) response.fields.set("retry-after", failure.retry_after);
    return response;
}

http::Request UpstreamClient::request_for(const Question& question) const {
    http::Request request;
    request.method = question.method;
    request.target = question.upstream.url;
    request.target.path = "/v2/" + question.repository.text() + "/" + question.path;
    if (!question.accept.empty()) request.fields.add("accept", question.accept);
    request.fields.add("accept-encoding", "identity");
    request.fields.add("user-agent", k_user_agent);
    if (question.first != 0) request.fields.add("range", "bytes=" + std::to_string(question.first) + "-");
    request.fields.add("cdn-loop", loops_.cdn_loop(question.passed));
    request.egress = egress_of(question.upstream);
    return request;
}

Task<Fetched<http::Response>> UpstreamClient::ask(Question question) {
    auto asked = co_await send(question, request_for(question));
    // A signed URL may have run out on the way; the registry makes a new one.
    if (asked && refused_by_storage(*asked)) asked = co_await send(question, request_for(question));
    if (!asked) co_return asked.error();
    auto& response = asked->response;
    if (refused_by_storage(*asked)) {
        co_return bad_answer(question, "sent us to a storage that answered " + std::to_string(response.status));
    }
    const bool is_rest = question.first != 0 && response.status == 206;
    if (is_rest && !is_rest_from(question.first, response)) co_return bad_answer(question, "sent another range");
    if (response.status != 200 && !is_rest) co_return failure_for(question, response);
    const auto coding = response.fields.get_or("content-encoding", "identity");
    if (coding != "identity") co_return bad_answer(question, "encoded its answer though asked not to");
    co_return std::move(response);
}

Task<Fetched<std::uint64_t>> UpstreamClient::blob_size(Question question) {
    question.method = "HEAD";
    auto asked = co_await send(question, request_for(question));
    if (!asked) co_return asked.error();
    if (asked->response.status == 200 && asked->response.body.length) co_return *asked->response.body.length;
    if (!asked->redirected) {
        if (asked->response.status != 200) co_return failure_for(question, asked->response);
        co_return bad_answer(question, "does not tell the size of a blob");
    }
    // Signed URLs are made for GET: ask for the first byte, and read the size from Content-Range.
    question.method = "GET";
    auto request = request_for(question);
    request.fields.add("range", "bytes=0-0");
    auto part = co_await send(question, std::move(request));
    if (!part) co_return part.error();
    const auto status = part->response.status;
    if (status == 200 && part->response.body.length) co_return *part->response.body.length;
    if (status == 206 || status == 416) {
        const auto range = http::parse_content_range(part->response.fields.get_or("content-range", {}));
        if (range && range->size) co_return *range->size;
    }
    co_return failure_for(question, part->response);
}

// One request with its redirects. A HEAD is not redirected: its answer is given back.
Task<Fetched<UpstreamClient::Asked>> UpstreamClient::send(const Question& question, http::Request request) {
    auto authorization = co_await known_token(question);
    bool challenged = false;
    for (int hops = 0; hops <= k_most_redirects;) {
        const bool at_home = same_origin(request.target, question.upstream.url);
        request.fields.remove("authorization");
        if (at_home && !authorization.empty()) request.fields.add("authorization", authorization);
        auto sent = co_await send_once(question, request);
        if (!sent) co_return sent.error();
        auto& response = *sent;
        if (response.status == 401 && at_home && !challenged) {
            challenged = true;
            auto fresh = co_await token(question, response, request, authorization);
            if (!fresh && fresh.error().code == Errc::not_found) co_return failure_for(question, response);
            if (!fresh && fresh.error().code == Errc::denied) co_return failure_for(question, response);
            if (!fresh) co_return unreachable(question, fresh.error());
            authorization = std::move(*fresh);
            continue;
        }
        if (!is_redirect(response.status)) co_return Asked{std::move(response), std::move(request.target), hops != 0};
        const auto location = response.fields.get("location");
        if (!location) co_return bad_answer(question, "redirected to nowhere");
        if (request.method == "HEAD") co_return Asked{std::move(response), std::move(request.target), true};
        auto next = request.target.resolve(*location);
        if (!next || !may_follow(question.upstream, *next)) {
            co_return bad_answer(question, "redirected to where we may not go");
        }
        const bool back_home = same_origin(*next, question.upstream.url);
        request.egress = back_home ? egress_of(question.upstream) : egress_after(question.upstream, response);
        request.target = std::move(*next);
        ++hops;
    }
    co_return bad_answer(question, "redirected too often");
}

Task<Fetched<http::Response>> UpstreamClient::send_once(const Question& question, http::Request& request) {
    auto& counters = metrics_.of(question.upstream);
    if (load_.pressure() >= http::Pressure::fetches) {
        counters.shed.add();
        co_return short_of_memory(question);
    }
    counters.requests.add();
    request.deadline = Deadline::max();
    auto sent = co_await shards_.here().client.send(request);
    if (!sent) {
        counters.failures.add();
        const auto& failed = sent.error();
        co_return failed.forbidden ? forbidden(question, request.target, failed.error)
                                   : unreachable(question, failed.error);
    }
    if (sent->status == 429 || sent->status >= 500) counters.failures.add();
    co_return std::move(*sent);
}

Failure UpstreamClient::forbidden(const Question& question, const http::Target& to, const Error& error) {
    metrics_.of(question.upstream).refused_redirects.add();
    return unreachable(question, refuse_private(question.upstream.name, to, error));
}

namespace {

// On the repository's home loop.
Task<std::string> look_up_token(Tokens& tokens, std::string upstream, RepositoryName repository) {
    co_return tokens.known(upstream, repository);
}

}  // namespace

Task<std::string> UpstreamClient::known_token(const Question& question) {
    auto& home = shards_.home(home_key(question.upstream, question.repository));
    auto token =
        co_await net::on_loop(home.loop, look_up_token(home.tokens, question.upstream.name, question.repository));
    co_return token;
}

Task<Result<std::string>> UpstreamClient::token(const Question& question, const http::Response& challenged,
                                                const http::Request& asked, std::string refused) {
    const auto challenges = challenges_of(challenged.fields);
    const auto* const wanted = bearer(challenges);
    if (wanted == nullptr) co_return Error{Errc::not_found, "no Bearer challenge"};
    auto& home = shards_.home(home_key(question.upstream, question.repository));
    const Tokens::Ways ways{asked.egress, egress_after(question.upstream, challenged)};
    Tokens::Order order{
        question.upstream.name,         question.repository, *wanted, asked.target, std::move(refused), ways,
        &metrics_.of(question.upstream)};
    auto token = co_await net::on_loop(home.loop, home.tokens.obtain(std::move(order)));
    co_return token;
}

}  // namespace longshore::registry

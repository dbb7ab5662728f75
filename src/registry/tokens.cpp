#include "registry/tokens.hpp"

#include "base/log.hpp"
#include "net/loop.hpp"
#include "registry/upstream_client.hpp"

#include <algorithm>

namespace longshore::registry {
namespace {

std::string key_of(const std::string& upstream, const RepositoryName& repository) {
    return upstream + "/" + repository.text();
}

}  // namespace

Error refuse_private(const std::string& upstream, const http::Target& to, const Error& why) {
    log(LogLevel::warning, "redirect_refused",
        {{"upstream", upstream}, {"to", to.authority.to_string()}, {"why", why.where}});
    return {Errc::unsupported, why.where +
                                   ", and a public registry may lead to public addresses only; "
                                   "mirror.upstreams." +
                                   upstream + ".allow_private_redirects: true opens it"};
}

std::string Tokens::known(const std::string& upstream, const RepositoryName& repository) {
    const auto found = kept_.find(key_of(upstream, repository));
    if (found == kept_.end()) return {};
    if (found->second.good_until > net::Loop::current().now()) return found->second.authorization;
    kept_.erase(found);
    return {};
}

Task<Result<std::string>> Tokens::obtain(Order order) {
    auto key = key_of(order.upstream, order.repository);
    auto newer = known(order.upstream, order.repository);
    if (!newer.empty() && newer != order.refused) co_return newer;
    auto outcome = co_await flights_.get(std::move(key), fetch(*this, std::move(order)));
    if (!outcome) co_return Error{Errc::cancelled, "waiting for a token"};
    co_return std::move(*outcome);
}

Error Tokens::unsent(const Order& order, const http::Target& to, const http::SendError& failed) {
    auto error = failed.error;
    if (failed.forbidden) {
        order.counters->refused_redirects.add();
        error = refuse_private(order.upstream, to, error);
    }
    // These two are the registry's own words about a repository.
    if (error.code == Errc::denied || error.code == Errc::not_found) error.code = Errc::io;
    return {error.code, "token server of " + order.upstream + ": " + error.where};
}

Task<Result<std::string>> Tokens::fetch(Tokens& self, Order order) {
    const auto scopes = scopes_for(order.challenge, order.repository);
    auto target = token_target(order.challenge, order.asked, scopes);
    if (!target) co_return target.error();
    // A token goes over the network as openly as the request that it is for.
    if (order.asked.scheme == "https" && target->scheme != "https") {
        co_return Error{Errc::denied, "the token server of " + order.upstream + " is not https"};
    }
    http::Request request;
    request.target = std::move(*target);
    request.fields.add("accept", "application/json");
    request.fields.add("accept-encoding", "identity");
    request.fields.add("user-agent", k_user_agent);
    const bool at_home =
        request.target.scheme == order.asked.scheme && request.target.authority == order.asked.authority;
    request.egress = at_home ? order.ways.home : order.ways.elsewhere;
    order.counters->requests.add();
    auto sent = co_await self.client_.send(request);
    if (!sent) {
        order.counters->failures.add();
        co_return unsent(order, request.target, sent.error());
    }
    const auto status = sent->status;
    const std::string said = "token server of " + order.upstream + " answered " + std::to_string(status);
    if (status == 429 || status >= 500) {
        order.counters->failures.add();
        co_return Error{Errc::overloaded, said};
    }
    if (status != 200) co_return Error{Errc::denied, said};
    auto text = co_await http::read_whole(sent->body, k_largest_token_answer);
    if (!text) co_return text.error();
    auto token = parse_token(*text);
    if (!token) co_return Error{token.error().code, said + ": " + token.error().where};
    auto authorization = "Bearer " + token->value;
    self.keep(key_of(order.upstream, order.repository), authorization,
              net::Loop::current().now() + token->refresh_after());
    co_return authorization;
}

void Tokens::keep(const std::string& key, std::string authorization, Deadline good_until) {
    if (kept_.size() >= k_most) {
        const auto oldest = std::ranges::min_element(
            kept_, [](const auto& a, const auto& b) { return a.second.good_until < b.second.good_until; });
        kept_.erase(oldest);
    }
    kept_.insert_or_assign(key, Kept{std::move(authorization), good_until});
}

}  // namespace longshore::registry

// Anonymous upstream tokens, one for each repository, kept in memory until they grow old.
//
// Threads: one loop (the home of the repository, see Shards). Errors: what the token server's failure is for the
//          one who asked: timeout, peer_closed, overloaded (429, 5xx), denied (no anonymous access), invalid.
// Source:  the Docker registry token specification.
#pragma once

#include "http/message.hpp"
#include "registry/challenge.hpp"
#include "registry/metrics.hpp"
#include "registry/reference.hpp"
#include "registry/single_flight.hpp"
#include "registry/token.hpp"

#include <map>
#include <memory>
#include <string>

namespace longshore::registry {

// The error for a redirect or token server at `to` that a public upstream may not name, logged.
[[nodiscard]] Error refuse_private(const std::string& upstream, const http::Target& to, const Error& why);

class Tokens {
public:
    static constexpr std::size_t k_most = 10'000;  // kept; the oldest by expiry go first

    // `client` and `scope` outlive it.
    Tokens(http::Client& client, net::Scope& scope) : client_(client), flights_(scope) {}

    // The value for Authorization of a token still good for `repository` of the upstream; empty when there is none.
    [[nodiscard]] std::string known(const std::string& upstream, const RepositoryName& repository);
    struct Ways {
        http::Egress home;       // to where the request was sent
        http::Egress elsewhere;  // to where its answer points
    };
    struct Order {
        std::string upstream;
        RepositoryName repository;
        Challenge challenge;
        http::Target asked;   // the request that was challenged
        std::string refused;  // the Authorization it carried; empty: none
        Ways ways;
        UpstreamCounters* counters;
    };
    // Gets a token as the challenge says, unless another than the refused one is known meanwhile. Single flight for
    // each repository.
    [[nodiscard]] Task<Result<std::string>> obtain(Order order);

private:
    struct Kept {
        std::string authorization;
        Deadline good_until;
    };
    [[nodiscard]] static Task<Result<std::string>> fetch(Tokens& self, Order order);
    [[nodiscard]] static Error unsent(const Order& order, const http::Target& to, const http::SendError& failed);
    void keep(const std::string& key, std::string authorization, Deadline good_until);

    http::Client& client_;
    SingleFlight<Result<std::string>> flights_;
    std::map<std::string, Kept> kept_;
};

}  // namespace longshore::registry

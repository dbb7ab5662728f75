// What the mirror keeps on each loop, and which loop is home to what.
//
// A repository's tags, manifests and tokens are resolved on its home loop, a blob is fetched on its own; so every
// "one at a time" is a plain map on one loop, and no lock stands on the request path.
//
// Ownership: `co_await close(shard)` on each loop before destroying them. Clients and loops outlive them.
#pragma once

#include "http/message.hpp"
#include "net/loop.hpp"
#include "net/scope.hpp"
#include "registry/tokens.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace longshore::registry {

struct Shard {
    Shard(net::Loop& home, http::Client& upstream_client)
        : loop(home), client(upstream_client), tokens(upstream_client, scope) {}
    net::Loop& loop;
    http::Client& client;
    net::Scope scope;  // work that outlives the request that asked for it
    Tokens tokens;
};

class Shards {
public:
    struct Seat {
        net::Loop* loop;
        http::Client* client;
    };
    // The loops' indexes are 0, 1, 2, ... in this order.
    explicit Shards(const std::vector<Seat>& seats) {
        for (const auto& seat : seats) shards_.push_back(std::make_unique<Shard>(*seat.loop, *seat.client));
    }
    [[nodiscard]] Shard& here() const noexcept { return *shards_[net::Loop::current().index()]; }
    [[nodiscard]] Shard& at(std::size_t index) const noexcept { return *shards_[index]; }
    [[nodiscard]] Shard& home(std::size_t hash) const noexcept { return *shards_[hash % shards_.size()]; }
    [[nodiscard]] Shard& home(std::string_view key) const noexcept { return home(std::hash<std::string_view>{}(key)); }
    [[nodiscard]] std::size_t size() const noexcept { return shards_.size(); }

private:
    std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace longshore::registry

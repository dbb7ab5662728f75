// Mirrors that ask each other in a circle, found by CDN-Loop.
//
// Every instance has a name of its own, so that mirrors may stand behind mirrors: only a request that comes back to
// where it was is a loop. The names of mirrors on a request's way go on to the upstream; those of other caches do not,
// because what is fetched here is fetched for everybody, and a cache in front of us may stand before the upstream too.
//
// Threads: any. Errors: a Refusal: 508 for a loop, or a way longer than any that is meant; 400 for a field that cannot
//          be read.
// Source:  RFC 8586.
#pragma once

#include "http/fields.hpp"
#include "registry/errors.hpp"

#include <boost/system/result.hpp>

#include <string>

namespace longshore::registry {

class LoopGuard {
public:
    static constexpr std::size_t k_most_mirrors = 8;  // on the way of one request

    // With a random name.
    LoopGuard();
    explicit LoopGuard(std::string name) : name_(std::move(name)) {}

    // The mirrors that a request has passed, as `cdn_loop` wants them; empty: it comes from a client.
    [[nodiscard]] boost::system::result<std::string, Refusal> passed(const http::Fields& fields) const;
    // The value of CDN-Loop for a request that we send.
    [[nodiscard]] std::string cdn_loop(const std::string& passed) const;

private:
    std::string name_;
};

}  // namespace longshore::registry

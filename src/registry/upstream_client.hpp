// Asking an upstream registry: tokens, redirects and failures dealt with.
//
// A 401 is answered by the token its challenge asks for, once. Redirects are followed, at most five, to https (or
// http when the upstream itself is); Authorization goes only to the scheme, host and port it was made for. Whoever
// answers from a public address may send us to public addresses only, or to the upstream's own scheme, host and port,
// unless the upstream is opened for more; that goes for redirects and token servers, and is judged at every hop.
// While memory is short nothing is asked, and the answer is 503. `Accept-Encoding: identity` always; a coded answer is
// refused, since its bytes would not have the digest.
//
// Threads: any loop of the shards; the answer's body belongs to the calling loop.
// Errors:  a Failure: what to tell the caller, and whether older content may stand in.
// Source:  OCI distribution-spec; RFC 9110 §15.4.
#pragma once

#include "http/load.hpp"
#include "http/message.hpp"
#include "registry/errors.hpp"
#include "registry/loop_guard.hpp"
#include "registry/metrics.hpp"
#include "registry/reference.hpp"
#include "registry/shards.hpp"
#include "registry/upstreams.hpp"

#include <optional>
#include <string>

namespace longshore::registry {

inline constexpr std::string_view k_user_agent = "longshore/" LONGSHORE_VERSION;

struct Failure {
    Refusal refusal;
    bool unreachable = false;  // upstream could not tell: what was cached before may be served
    std::string retry_after;   // upstream's, for 429
    bool unstored = false;     // only the mirror's disk failed: a blob can still be passed on
};
[[noreturn]] void throw_exception_from_error(const Failure& failure, const boost::source_location& where);
// The response for a failure.
[[nodiscard]] http::Response refuse(const Failure& failure);

template <class T>
using Fetched = boost::system::result<T, Failure>;

class UpstreamClient {
public:
    // All outlive it.
    struct Parts {
        const Shards& shards;
        Metrics& metrics;
        const http::Load& load;
        const LoopGuard& loops;
    };
    explicit UpstreamClient(Parts parts)
        : shards_(parts.shards), metrics_(parts.metrics), load_(parts.load), loops_(parts.loops) {}

    struct Question {
        const Upstream& upstream;
        RepositoryName repository;  // as upstream knows it
        std::string method;         // GET or HEAD
        std::string path;           // behind /v2/<repository>/: "manifests/latest", "blobs/sha256:..."
        std::string accept;         // empty: none
        ErrorCode unknown;          // what a 404 means
        std::string passed = {};    // the mirrors that the request has come through, see LoopGuard
        std::uint64_t first = 0;    // of the bytes wanted; all up to the end follow
    };
    // The answer with status 200, or 206 with exactly the bytes from `first` on when that is not 0. The upstream of the
    // question outlives the call.
    [[nodiscard]] Task<Fetched<http::Response>> ask(Question question);
    // The size of a blob without downloading it.
    [[nodiscard]] Task<Fetched<std::uint64_t>> blob_size(Question question);

private:
    struct Asked {
        http::Response response;
        http::Target from;
        bool redirected = false;
    };
    [[nodiscard]] static bool refused_by_storage(const Asked& asked) noexcept {
        return asked.redirected && asked.response.status >= 400 && asked.response.status < 500 &&
               asked.response.status != 429;
    }
    [[nodiscard]] Task<Fetched<Asked>> send(const Question& question, http::Request request);
    [[nodiscard]] Task<Fetched<http::Response>> send_once(const Question& question, http::Request& request);
    [[nodiscard]] Task<Result<std::string>> token(const Question& question, const http::Response& challenged,
                                                  const http::Request& asked, std::string refused);
    [[nodiscard]] Failure forbidden(const Question& question, const http::Target& to, const Error& error);
    [[nodiscard]] Task<std::string> known_token(const Question& question);
    [[nodiscard]] http::Request request_for(const Question& question) const;

    const Shards& shards_;
    Metrics& metrics_;
    const http::Load& load_;
    const LoopGuard& loops_;
};

}  // namespace longshore::registry

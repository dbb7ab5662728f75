// What an upstream wants to see before it answers: WWW-Authenticate, and the token request that follows from it.
//
// Any legal spelling is read: several challenges in a field and several fields, parameters in any order and case,
// quoted strings with commas and escapes, token68, empty list elements. From a field that turns illegal midway the
// challenges before that place are kept. Bounded: 16 KiB of field values, 16 challenges, 32 parameters each.
// Threads: pure functions.
// Source:  RFC 9110 §11.3 and §11.6.1; the Docker registry token specification.
#pragma once

#include "base/error.hpp"
#include "http/fields.hpp"
#include "http/target.hpp"
#include "registry/reference.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longshore::registry {

struct Challenge {
    std::string scheme;                                       // lower case
    std::string token68;                                      // instead of parameters
    std::vector<std::pair<std::string, std::string>> params;  // names in lower case, values unquoted

    // The first parameter of that (lower-case) name; it may be empty.
    [[nodiscard]] std::optional<std::string_view> param(std::string_view name) const noexcept;
};

// Of one field value.
[[nodiscard]] std::vector<Challenge> parse_challenges(std::string_view value);
// Of every WWW-Authenticate field.
[[nodiscard]] std::vector<Challenge> challenges_of(const http::Fields& fields);

// The first Bearer challenge that names a realm, or the first Basic one; null when there is none.
[[nodiscard]] const Challenge* bearer(std::span<const Challenge> challenges) noexcept;
[[nodiscard]] const Challenge* basic(std::span<const Challenge> challenges) noexcept;

// "repository:library/alpine:pull"
[[nodiscard]] std::string pull_scope(const RepositoryName& name);

// The scopes to ask for: those the challenge names, separated by blanks, else pulling `name`.
[[nodiscard]] std::vector<std::string> scopes_for(const Challenge& challenge, const RepositoryName& name);

// `existing` (a query without "?") extended by service (left out when empty) and one scope parameter for each.
[[nodiscard]] std::string token_query(std::string_view existing, std::string_view service,
                                      std::span<const std::string> scopes);

// Where to GET the token. `asked` is the request that was challenged: a relative realm is seen from there.
// Errc::invalid when the realm is not an http(s) URL, Errc::too_large above 8 KiB.
[[nodiscard]] Result<http::Target> token_target(const Challenge& challenge, const http::Target& asked,
                                                std::span<const std::string> scopes);

}  // namespace longshore::registry

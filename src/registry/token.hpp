// What a token server answers.
//
// Either `token` or `access_token` is taken (the first that is not empty). The life counts from when the answer
// came in, by our own clock: `issued_at` is not looked at. Bounded: 64 KiB, 8 levels.
// Threads: pure functions.
// Errors:  Errc::invalid (not such JSON, no token, a token that may not stand in a header), too_large.
// Source:  the Docker registry token specification, "Token response fields"; RFC 6750 §2.1.
#pragma once

#include "base/error.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace longshore::registry {

inline constexpr std::size_t k_largest_token_answer = std::size_t{64} * 1024;  // bytes

struct Token {
    std::string value;
    std::chrono::seconds life{60};  // 60 s when the answer does not say, or says less; a day at most

    // When to ask for the next one: 80 % of the life.
    [[nodiscard]] std::chrono::milliseconds refresh_after() const noexcept {
        return std::chrono::milliseconds{life.count() * 800};
    }
};

[[nodiscard]] Result<Token> parse_token(std::string_view answer);

}  // namespace longshore::registry

// CDN-Loop: which caches a request has passed.
//
// Pure. Errors: Errc::invalid for a value that does not follow the grammar, too_large beyond the bounds.
// Source: RFC 8586 §2.
#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace longshore::http {

inline constexpr std::size_t k_longest_cdn_loop = 4096;  // bytes
inline constexpr std::size_t k_most_cdn_ids = 64;

// The cdn-ids of a field value (several fields: joined by commas), first to last, parameters left out. They lie in
// `value`.
[[nodiscard]] Result<std::vector<std::string_view>> parse_cdn_loop(std::string_view value);

}  // namespace longshore::http

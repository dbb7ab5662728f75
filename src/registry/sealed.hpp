// A line of text with a checksum, as the heads of the stores' files are written.
//
// A file that was torn, zeroed or hit by rot does not unseal; what stands behind the seal is not covered by it.
// Threads: pure functions.
// Errors:  Errc::corrupt.
#pragma once

#include "base/error.hpp"

#include <string>
#include <string_view>

namespace longshore::registry {

// `line` holds no line break.
[[nodiscard]] std::string seal(std::string_view line);

struct Unsealed {
    std::string_view line;
    std::string_view rest;  // behind the seal
};
[[nodiscard]] Result<Unsealed> unseal(std::string_view text);

}  // namespace longshore::registry

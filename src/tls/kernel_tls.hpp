// Whether the kernel can encrypt TLS records itself, so that files leave by sendfile.
//
// Blocks for as long as a connection over loopback takes. Errors: unsupported, saying what is missing.
// Source:  the kernel's Documentation/networking/tls.rst.
#pragma once

#include "base/error.hpp"

namespace longshore::tls {

// Tries it on a connection made for that.
[[nodiscard]] Result<> probe_kernel_tls();

}  // namespace longshore::tls

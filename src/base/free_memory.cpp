#include "base/free_memory.hpp"

#include <malloc.h>

// Null in programs that are not linked with mimalloc.
extern "C" __attribute__((weak)) void mi_collect(bool force) noexcept;

namespace longshore {

void return_free_memory() noexcept {
    if (mi_collect != nullptr) {
        mi_collect(true);
    } else {
        ::malloc_trim(0);
    }
}

}  // namespace longshore

// Gives what the calling thread has freed back to the system, which allocators put off.
//
// Costs milliseconds: for when memory is short.
#pragma once

namespace longshore {

void return_free_memory() noexcept;

}  // namespace longshore

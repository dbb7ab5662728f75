// A CDN-Loop field of any bytes: within its bounds, and what goes on to upstream is read the same there.
#include "http/cdn_loop.hpp"
#include "http/fields.hpp"
#include "registry/loop_guard.hpp"

#include <algorithm>
#include <cstdlib>

namespace {

using namespace longshore;

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view value{reinterpret_cast<const char*>(data), size};
    const auto ids = http::parse_cdn_loop(value);
    if (!ids) return 0;
    require(value.size() <= http::k_longest_cdn_loop && ids->size() <= http::k_most_cdn_ids);
    for (const auto id : *ids) require(!id.empty() && id.find_first_of(",; \t\"") == std::string_view::npos);

    static const registry::LoopGuard guard{"longshore-0123456789abcdef"};
    http::Fields fields;
    fields.add("cdn-loop", value);
    const auto passed = guard.passed(fields);
    require(passed || passed.error().status == 508);
    if (!passed) return 0;
    const auto sent = guard.cdn_loop(*passed);
    const auto heard = http::parse_cdn_loop(sent);
    require(heard && heard->back() == "longshore-0123456789abcdef");
    require(heard->size() <= registry::LoopGuard::k_most_mirrors + 1);
    return 0;
}

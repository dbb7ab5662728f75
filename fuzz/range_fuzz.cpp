// Range and its answers, and the dates that stand beside them. The first byte gives the size of the representation
// as a power of two; the rest is the field value.
#include "http/date.hpp"
#include "http/range.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace longshore;
using namespace longshore::http;

void require(bool condition) {
    if (!condition) std::abort();
}

void fuzz_range(std::string_view text, std::uint64_t size) {
    const auto selection = select_ranges(text, size);
    require((selection.kind == RangeSelection::Kind::parts) == !selection.parts.empty());
    require(selection.parts.size() <= k_max_ranges);
    std::uint64_t left = size;
    for (const ByteRange& part : selection.parts) {
        require(part.first <= part.last && part.last < size && part.size() <= left);
        left -= part.size();
        const auto told = parse_content_range(content_range(part, size));
        require(told && told->range == part && told->size == size);
    }
}

void fuzz_content_range(std::string_view text) {
    const auto told = parse_content_range(text);
    if (!told) return;
    require(told->range || told->size);
    if (told->range) require(told->range->first <= told->range->last);
    if (told->range && told->size) {
        const auto again = parse_content_range(content_range(*told->range, *told->size));
        require(again && again->range == told->range && again->size == told->size);
    }
}

void fuzz_date(std::string_view text) {
    const WallTime now{std::chrono::seconds{1'700'000'000}};
    const auto date = parse_date(text, now);
    if (date) require(parse_date(format_date(*date), now) == date);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    const std::uint64_t power = std::uint64_t{1} << (data[0] % 64);
    for (const std::uint64_t length : {power, power - 1, ~power}) fuzz_range(text, length);
    fuzz_content_range(text);
    fuzz_date(text);
    if (if_range_matches(text, text)) require(text.size() >= 2 && text.front() == '"');
    return 0;
}

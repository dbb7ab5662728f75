// Byte ranges: which part of a representation a request wants, and the field that names a part.
//
// `Range` is advice: a unit other than bytes, or a set that is not well formed, selects the whole. Two answers are
// chosen, not given, by the RFC: an inverted range ("500-0") is unsatisfiable, as OCI conformance has it; and a set
// of more than k_max_ranges, or one whose parts together are larger than the whole, selects the whole (overlapping
// ranges make a small request a large answer). Lazy image pulls ask for hundreds of ranges in order, so the count
// alone is no abuse.
// Source: RFC 9110 §13.1.5 and §14.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::http {

inline constexpr std::size_t k_max_ranges = 1024;

// Offsets in bytes, both ends included.
struct ByteRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    [[nodiscard]] std::uint64_t size() const noexcept { return last - first + 1; }
    friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

struct RangeSelection {
    enum class Kind : std::uint8_t {
        whole,          // 200
        parts,          // 206
        unsatisfiable,  // 416 with unsatisfied_content_range
    };
    Kind kind = Kind::whole;
    std::vector<ByteRange> parts;  // in the order asked, cut to the size; not empty iff Kind::parts
};

// The value of `Range` applied to a representation of `size` bytes.
[[nodiscard]] RangeSelection select_ranges(std::string_view range, std::uint64_t size);

// "bytes 0-9/100"
[[nodiscard]] std::string content_range(ByteRange range, std::uint64_t size);
// "bytes */100"
[[nodiscard]] std::string unsatisfied_content_range(std::uint64_t size);

struct ContentRange {
    std::optional<ByteRange> range;     // nothing: "*", the answer to an unsatisfiable range
    std::optional<std::uint64_t> size;  // nothing: "*", unknown
};
// Strict; nothing for another unit, an inverted range, or one that does not fit the size.
[[nodiscard]] std::optional<ContentRange> parse_content_range(std::string_view text);

// Whether a request with this `If-Range` may have its ranges of the representation tagged `etag` ("\"abc\"").
// Strong comparison: weak tags and dates never match, which costs a transfer and is always correct.
[[nodiscard]] bool if_range_matches(std::string_view if_range, std::string_view etag) noexcept;

}  // namespace longshore::http

// HTTP dates.
//
// Written as IMF-fixdate; read in the three forms of RFC 9110 §5.6.7. Whoever writes many caches the text for the
// second it stands for.
#pragma once

#include "base/clock.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace longshore::http {

// "Sun, 06 Nov 1994 08:49:37 GMT". Years 0 to 9999.
[[nodiscard]] std::string format_date(WallTime time);

// IMF-fixdate, RFC 850 or asctime; nothing when it is none of them, or no date of the calendar. A two-digit year
// is the one less than 50 years after `now`. The day name must be a day name, not the right one.
[[nodiscard]] std::optional<WallTime> parse_date(std::string_view text, WallTime now);

}  // namespace longshore::http

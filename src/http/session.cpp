#include "http/session.hpp"

#include "http/date.hpp"

#include <random>

namespace longshore::http {

std::uint64_t next_request_id() noexcept {
    // A random start for each thread, then steps that visit every value once.
    thread_local std::uint64_t id = [] {
        std::random_device device;
        return (std::uint64_t{device()} << 32U) | device();
    }();
    return id += 0x9e3779b97f4a7c15U;
}

Response turned_away() {
    auto response = Response::text(503, "too much is asked of this server just now; try again in a moment");
    response.fields.add("retry-after", "1");
    return response;
}

std::string_view current_date(WallTime now) {
    thread_local std::time_t made_for = -1;
    thread_local std::string text;
    const auto second = std::chrono::system_clock::to_time_t(now);
    if (second != made_for) {
        made_for = second;
        text = format_date(now);
    }
    return text;
}

}  // namespace longshore::http

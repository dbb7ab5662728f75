#include "telemetry/memory.hpp"

#include "base/log.hpp"
#include "telemetry/metrics.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace longshore::telemetry {
namespace {

constexpr std::size_t k_file_limit = 16 * 1024;  // bytes; memory.stat has about 2,000
constexpr std::uint64_t k_unlimited = std::uint64_t{1} << 60U;
constexpr std::chrono::milliseconds k_calm_interval{100};
constexpr std::chrono::milliseconds k_close_interval{10};  // memory fills by 1 GiB in a second and more
constexpr double k_close = 0.50;
constexpr std::chrono::seconds k_relief{1};
constexpr double k_no_fetches = 0.80;
constexpr double k_no_requests = 0.90;
constexpr double k_no_connections = 0.95;

std::optional<std::uint64_t> number_at(std::string_view text) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc{} ? std::optional{value} : std::nullopt;
}

std::optional<std::uint64_t> number_in(Files& files, const std::string& path) {
    const auto text = read_whole(files, path, k_file_limit);
    return text ? number_at(*text) : std::nullopt;
}

// Of a file of lines "name number".
std::uint64_t value_of(std::string_view text, std::string_view name) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ' ') {
            return number_at(line.substr(name.size() + 1)).value_or(0);
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return 0;
}

bool names_memory(std::string_view controllers) {
    while (!controllers.empty()) {
        const auto comma = std::min(controllers.find(','), controllers.size());
        if (controllers.substr(0, comma) == "memory") return true;
        controllers.remove_prefix(std::min(comma + 1, controllers.size()));
    }
    return false;
}

// In a container the group's path may be as seen from outside, while its directory is mounted as the root.
std::optional<MemoryGroup> group_of(Files& files) {
    const auto text = read_whole(files, "/proc/self/cgroup", k_file_limit);
    auto group = text ? MemoryGroup::parse(*text) : std::nullopt;
    if (!group) return std::nullopt;
    const std::string limit = group->version2 ? "/memory.max" : "/memory.limit_in_bytes";
    const std::string root = group->version2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    for (const auto& directory : {group->directory, root}) {
        if (!read_whole(files, directory + limit, k_file_limit)) continue;
        group->directory = directory;
        return group;
    }
    return std::nullopt;
}

}  // namespace

std::optional<MemoryGroup> MemoryGroup::parse(std::string_view text) {
    std::optional<MemoryGroup> unified;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto first = line.find(':');
        const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
        if (second == std::string_view::npos) continue;
        const auto controllers = line.substr(first + 1, second - first - 1);
        const auto path = line.substr(second + 1) == "/" ? std::string_view{} : line.substr(second + 1);
        if (names_memory(controllers)) return MemoryGroup{"/sys/fs/cgroup/memory" + std::string{path}, false};
        if (controllers.empty()) unified = MemoryGroup{"/sys/fs/cgroup" + std::string{path}, true};
    }
    return unified;
}

MemoryUse::MemoryUse(Files& files, std::uint64_t limit) : files_(files), limit_(limit), group_(group_of(files)) {}

std::optional<MemoryReading> MemoryUse::read() const {
    const auto own_use = own();
    const auto group_use = group();
    if (!own_use || !group_use) return own_use ? own_use : group_use;
    return own_use->share() >= group_use->share() ? own_use : group_use;
}

std::optional<MemoryReading> MemoryUse::own() const {
    if (limit_ == 0) return std::nullopt;
    const auto text = read_whole(files_, "/proc/self/statm", k_file_limit);
    if (!text) return std::nullopt;
    std::array<std::uint64_t, 3> pages{};  // size, resident, shared
    std::string_view rest = *text;
    for (auto& value : pages) {
        value = number_at(rest).value_or(0);
        rest.remove_prefix(std::min(std::min(rest.find(' '), rest.size()) + 1, rest.size()));
    }
    const auto private_pages = pages[1] - std::min(pages[1], pages[2]);
    return MemoryReading{private_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)), limit_};
}

std::optional<MemoryReading> MemoryUse::group() const {
    if (!group_) return std::nullopt;
    const auto at = [this](std::string_view name) { return group_->directory + "/" + std::string{name}; };
    const auto limit = number_in(files_, at(group_->version2 ? "memory.max" : "memory.limit_in_bytes"));
    if (!limit || *limit == 0 || *limit >= k_unlimited) return std::nullopt;
    const auto usage = number_in(files_, at(group_->version2 ? "memory.current" : "memory.usage_in_bytes"));
    const auto stat = read_whole(files_, at("memory.stat"), k_file_limit);
    if (!usage || !stat) return std::nullopt;
    const std::string prefix = group_->version2 ? "" : "total_";
    const auto pages = value_of(*stat, prefix + "inactive_file") + value_of(*stat, prefix + "active_file");
    return MemoryReading{*usage - std::min(*usage, pages), *limit};
}

void MemoryUse::measure(MetricWriter& into) const {
    const auto reading = read();
    if (!reading) return;
    into.gauge(k_memory_used, Labels{}, static_cast<double>(reading->used));
    into.gauge(k_memory_limit, Labels{}, static_cast<double>(reading->limit));
}

http::Pressure pressure_of(const std::optional<MemoryReading>& reading) noexcept {
    const auto share = reading ? reading->share() : 0.0;
    if (share >= k_no_connections) return http::Pressure::connections;
    if (share >= k_no_requests) return http::Pressure::requests;
    if (share >= k_no_fetches) return http::Pressure::fetches;
    return http::Pressure::none;
}

MemoryWatch::MemoryWatch(net::Loop& loop, Parts parts) : loop_(loop), parts_(std::move(parts)) { fire(); }

void MemoryWatch::fire() noexcept {
    const auto before = parts_.load.pressure();
    const auto reading = parts_.use.read();
    const auto pressure = pressure_of(reading);
    parts_.load.set(pressure);
    if (!reading) return;
    const auto now = loop_.now();
    if (pressure != http::Pressure::none) {
        if (before == http::Pressure::none)
            log(LogLevel::warning, "memory_short", {{"used_bytes", reading->used}, {"limit_bytes", reading->limit}});
        if (now >= relieve_again_) {
            relieve_again_ = now + k_relief;
            parts_.relieve();
        }
    }
    const auto interval = reading->share() < k_close ? k_calm_interval : k_close_interval;
    loop_.timers().arm(*this, after(now, interval));
}

}  // namespace longshore::telemetry

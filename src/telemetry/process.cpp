#include "telemetry/process.hpp"

#include "telemetry/metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>

namespace longshore::telemetry {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    return value;
}

// The word at `index` (from 0) of words separated by single spaces.
std::string_view word(std::string_view text, std::size_t index) {
    for (; index > 0; --index) {
        const auto space = text.find(' ');
        if (space == std::string_view::npos) return {};
        text.remove_prefix(space + 1);
    }
    return text.substr(0, text.find_first_of(" \n"));
}

// When the machine booted, in seconds since the epoch.
std::optional<std::uint64_t> boot_time(Files& files) {
    constexpr std::size_t k_limit = 256 * 1024;  // long lists of interrupts come first
    const auto text = read_whole(files, "/proc/stat", k_limit);
    if (!text) return std::nullopt;
    const auto at = text->find("\nbtime ");
    if (at == std::string::npos) return std::nullopt;
    return number(word(std::string_view{*text}.substr(at), 1));
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void measure_usage(MetricWriter& into) {
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) != 0) return;
    into.counter(k_cpu, Labels{}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

void measure_descriptors(MetricWriter& into, Files& files) {
    if (const auto open = files.list("/proc/self/fd")) {
        into.gauge(k_open_fds, Labels{}, static_cast<double>(open->size() - 1));  // without the one that lists them
    }
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) into.gauge(k_max_fds, Labels{}, static_cast<double>(limit.rlim_cur));
}

}  // namespace

std::optional<ProcessStat> ProcessStat::parse(std::string_view text) {
    // The name in parentheses may hold anything, parentheses too. The state after it is field 3.
    const auto name_end = text.rfind(')');
    if (name_end == std::string_view::npos || name_end + 2 > text.size()) return std::nullopt;
    const auto field = [rest = text.substr(name_end + 2)](std::size_t index) { return number(word(rest, index - 3)); };
    const auto threads = field(20);
    const auto start = field(22);
    const auto resident = field(24);
    if (!threads || !start || !resident) return std::nullopt;
    return ProcessStat{*threads, *start, *resident};
}

Process::Process(Files& files) : files_(files) {
    const auto boot = boot_time(files);
    const auto facts = stat();
    if (!boot || !facts) return;
    const auto ticks_a_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
    started_ = static_cast<double>(*boot) + static_cast<double>(facts->start_ticks) / ticks_a_second;
}

void Process::measure(MetricWriter& into) const {
    const std::array<Label, 1> version{Label{"version", LONGSHORE_VERSION}};
    into.gauge(k_build, version, 1);
    measure_usage(into);
    measure_descriptors(into, files_);
    if (started_) into.gauge(k_start_time, Labels{}, *started_);
    const auto facts = stat();
    if (!facts) return;
    const auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
    into.gauge(k_resident, Labels{}, static_cast<double>(facts->resident_pages) * page_bytes);
    into.gauge(k_threads, Labels{}, static_cast<double>(facts->threads));
}

std::optional<ProcessStat> Process::stat() const {
    const auto text = read_whole(files_, "/proc/self/stat", 4096);
    return text ? ProcessStat::parse(*text) : std::nullopt;
}

}  // namespace longshore::telemetry

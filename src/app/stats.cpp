#include "app/stats.hpp"

#include "registry/metrics.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <charconv>
#include <cstdio>

namespace longshore::app {
namespace {

struct Column {
    std::string_view series;
    std::uint64_t UpstreamStats::* member;
};

constexpr std::array k_columns{Column{registry::k_hits.name, &UpstreamStats::hits},
                               Column{registry::k_misses.name, &UpstreamStats::misses},
                               Column{registry::k_served.name, &UpstreamStats::served_bytes},
                               Column{registry::k_fetched.name, &UpstreamStats::fetched_bytes},
                               Column{registry::k_upstream_requests.name, &UpstreamStats::upstream_requests}};

std::string_view label_of(std::string_view line) {
    constexpr std::string_view k_label = "upstream=\"";
    const auto at = line.find(k_label);
    if (at == std::string_view::npos) return {};
    const auto from = at + k_label.size();
    return line.substr(from, line.find('"', from) - from);
}

double value_of(std::string_view line) {
    const auto text = line.substr(line.rfind(' ') + 1);
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::string human(std::uint64_t bytes) {
    constexpr std::array k_units{"B", "KiB", "MiB", "GiB", "TiB"};
    auto amount = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; amount >= 1024 && unit + 1 < k_units.size(); ++unit) amount /= 1024;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", amount, k_units[unit]);
    return text.data();
}

}  // namespace

MirrorStats MirrorStats::parse(std::string_view metrics) {
    MirrorStats stats;
    while (!metrics.empty()) {
        const auto end = std::min(metrics.find('\n'), metrics.size());
        const auto line = metrics.substr(0, end);
        metrics.remove_prefix(std::min(end + 1, metrics.size()));
        const auto name = line.substr(0, line.find('{'));
        for (const auto& column : k_columns) {
            const auto value = name == column.series ? value_of(line) : 0;
            if (value > 0)
                stats.upstreams[std::string{label_of(line)}].*column.member += static_cast<std::uint64_t>(value);
        }
    }
    return stats;
}

std::string MirrorStats::table() const {
    if (upstreams.empty()) return "Nothing was pulled through this mirror yet.\n";
    std::array<char, 160> line{};
    std::string text;
    const auto add = [&](const char* name, const std::string& hits, const std::string& misses,
                         const std::string& served, const std::string& fetched, const std::string& requests) {
        std::snprintf(line.data(), line.size(), "%-12s %10s %10s %12s %12s %18s\n", name, hits.c_str(), misses.c_str(),
                      served.c_str(), fetched.c_str(), requests.c_str());
        text += line.data();
    };
    add("REGISTRY", "HITS", "MISSES", "SERVED", "FETCHED", "UPSTREAM REQUESTS");
    for (const auto& [name, one] : upstreams) {
        add(name.c_str(), std::to_string(one.hits), std::to_string(one.misses), human(one.served_bytes),
            human(one.fetched_bytes), std::to_string(one.upstream_requests));
    }
    return text;
}

std::string MirrorStats::json() const {
    boost::json::object all;
    for (const auto& [name, one] : upstreams) {
        all[name] = boost::json::object{{"hits", one.hits},
                                        {"misses", one.misses},
                                        {"served_bytes", one.served_bytes},
                                        {"fetched_bytes", one.fetched_bytes},
                                        {"upstream_requests", one.upstream_requests}};
    }
    return boost::json::serialize(boost::json::object{{"upstreams", all}}) + "\n";
}

}  // namespace longshore::app

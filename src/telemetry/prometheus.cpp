#include "telemetry/prometheus.hpp"

#include <charconv>
#include <cmath>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace longshore::telemetry {
namespace {

// Integers without exponent, as people expect counters to look.
void append_number(std::string& out, double value) {
    if (std::isnan(value)) return void(out.append("NaN"));
    if (std::isinf(value)) return void(out.append(value > 0 ? "+Inf" : "-Inf"));
    std::array<char, 32> digits;
    constexpr double k_exact = 9007199254740992;  // 2^53
    const auto end = std::trunc(value) == value && std::abs(value) < k_exact
                         ? std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<std::int64_t>(value))
                         : std::to_chars(digits.data(), digits.data() + digits.size(), value);
    out.append(digits.data(), end.ptr);
}

void append_label_value(std::string& out, std::string_view text) {
    for (const char c : text) {
        switch (c) {
            case '\\':
                out.append("\\\\");
                break;
            case '\n':
                out.append("\\n");
                break;
            case '"':
                out.append("\\\"");
                break;
            default:
                out.push_back(c);
        }
    }
}

// `a="1",b="2"`, which also tells samples of one series apart.
std::string label_text(Labels labels) {
    std::string text;
    for (const auto& label : labels) {
        if (!text.empty()) text.push_back(',');
        text.append(label.name).append("=\"");
        append_label_value(text, label.value);
        text.push_back('"');
    }
    return text;
}

struct Distribution {
    std::vector<double> bounds;
    std::vector<double> counts;  // per bucket
    double sum = 0;
};

struct Family {
    std::string name;
    std::string help;
    std::string_view type;
    std::map<std::string, std::variant<double, Distribution>> samples;  // by label text
};

void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels,
                   double value) {
    out.append(name).append(suffix);
    if (!labels.empty()) out.append("{").append(labels).append("}");
    out.push_back(' ');
    append_number(out, value);
    out.push_back('\n');
}

void append_distribution(std::string& out, std::string_view name, const std::string& labels, const Distribution& all) {
    double below = 0;
    for (std::size_t i = 0; i < all.counts.size(); ++i) {
        below += all.counts[i];
        std::string with_bound = labels.empty() ? "le=\"" : labels + ",le=\"";
        append_number(with_bound, i < all.bounds.size() ? all.bounds[i] : HUGE_VAL);
        with_bound.push_back('"');
        append_sample(out, name, "_bucket", with_bound, below);
    }
    append_sample(out, name, "_sum", labels, all.sum);
    append_sample(out, name, "_count", labels, below);
}

class Collector final : public MetricWriter {
public:
    void counter(const Series& series, Labels labels, double value) override { add(series, "counter", labels, value); }
    void gauge(const Series& series, Labels labels, double value) override { add(series, "gauge", labels, value); }
    void histogram(const Series& series, Labels labels, const HistogramReading& reading) override {
        auto& sample =
            family(series, "histogram").samples.try_emplace(label_text(labels), Distribution{}).first->second;
        auto& all = std::get<Distribution>(sample);
        if (all.counts.empty()) {
            all.bounds.assign(reading.bounds.begin(), reading.bounds.end());
            all.counts.resize(all.bounds.size() + 1);
        }
        for (std::size_t i = 0; i < all.counts.size(); ++i) all.counts[i] += static_cast<double>(reading.counts[i]);
        all.sum += reading.sum;
    }

    [[nodiscard]] std::string text() const {
        std::string out;
        for (const auto& family : families_) append_family(out, family);
        return out;
    }

private:
    Family& family(const Series& series, std::string_view type) {
        const auto known = places_.try_emplace(std::string{series.name}, families_.size());
        if (known.second) families_.push_back({std::string{series.name}, std::string{series.help}, type, {}});
        return families_[known.first->second];
    }

    void add(const Series& series, std::string_view type, Labels labels, double value) {
        auto& sample = family(series, type).samples.try_emplace(label_text(labels), 0.0).first->second;
        std::get<double>(sample) += value;
    }

    static void append_family(std::string& out, const Family& family) {
        // Help texts are our literals: one line, nothing to escape.
        out.append("# HELP ").append(family.name).append(" ").append(family.help);
        out.append("\n# TYPE ").append(family.name).append(" ").append(family.type).append("\n");
        for (const auto& [labels, sample] : family.samples) {
            if (const auto* value = std::get_if<double>(&sample)) {
                append_sample(out, family.name, "", labels, *value);
            } else {
                append_distribution(out, family.name, labels, std::get<Distribution>(sample));
            }
        }
    }

    std::vector<Family> families_;
    std::map<std::string, std::size_t> places_;
};

}  // namespace

std::string prometheus_text(std::span<const Measured* const> measured) {
    Collector collector;
    for (const auto* one : measured) one->measure(collector);
    return collector.text();
}

}  // namespace longshore::telemetry

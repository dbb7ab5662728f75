#include "telemetry/prometheus.hpp"

#include "base/clock.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <regex>
#include <set>

namespace longshore::telemetry {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr Series k_pulls{"longshore_test_pulls_total", "Pulls, by registry.", "pulls"};
constexpr Series k_open{"longshore_test_open_connections", "Open connections.", "connections"};
constexpr Series k_wait{"longshore_test_wait_seconds", "Waiting.", "seconds"};
constexpr std::array<double, 2> k_bounds{0.5, 1};

// One loop's worth of measurements.
struct Fake : Measured {
    Counter pulls;
    Gauge open;
    Histogram wait{k_bounds};
    std::string registry = "docker";

    void measure(MetricWriter& into) const override {
        into.counter(k_pulls, pulls, {{"registry", registry}});
        into.gauge(k_open, open);
        into.histogram(k_wait, wait);
    }
};

std::string text_of(std::initializer_list<const Measured*> measured) {
    return prometheus_text({measured.begin(), measured.size()});
}

TEST(Prometheus, WritesCountersGaugesAndCumulativeBuckets) {
    Fake fake;
    fake.pulls.add(3);
    fake.open.set(-1);
    fake.wait.observe(0.25);
    fake.wait.observe(1);
    fake.wait.observe(7);

    EXPECT_EQ(text_of({&fake}),
              "# HELP longshore_test_pulls_total Pulls, by registry.\n"
              "# TYPE longshore_test_pulls_total counter\n"
              "longshore_test_pulls_total{registry=\"docker\"} 3\n"
              "# HELP longshore_test_open_connections Open connections.\n"
              "# TYPE longshore_test_open_connections gauge\n"
              "longshore_test_open_connections -1\n"
              "# HELP longshore_test_wait_seconds Waiting.\n"
              "# TYPE longshore_test_wait_seconds histogram\n"
              "longshore_test_wait_seconds_bucket{le=\"0.5\"} 1\n"
              "longshore_test_wait_seconds_bucket{le=\"1\"} 2\n"
              "longshore_test_wait_seconds_bucket{le=\"+Inf\"} 3\n"
              "longshore_test_wait_seconds_sum 8.25\n"
              "longshore_test_wait_seconds_count 3\n");
}

TEST(Prometheus, AddsUpWhatSeveralLoopsTellOfOneSeries) {
    Fake one;
    Fake two;
    Fake three;
    three.registry = "quay";
    for (auto* fake : {&one, &two, &three}) {
        fake->pulls.add(2);
        fake->open.add();
        fake->wait.observe(0.5);
    }

    const auto text = text_of({&one, &two, &three});

    EXPECT_THAT(text, HasSubstr("{registry=\"docker\"} 4\nlongshore_test_pulls_total{registry=\"quay\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("\nlongshore_test_open_connections 3\n"));
    EXPECT_THAT(text, HasSubstr("\nlongshore_test_wait_seconds_count 3\n"));
    EXPECT_EQ(text.find("# TYPE longshore_test_pulls_total"), text.rfind("# TYPE longshore_test_pulls_total"));
}

TEST(Prometheus, EscapesLabelValues) {
    Fake fake;
    fake.registry = "a\"b\\c\nd";

    EXPECT_THAT(text_of({&fake}), HasSubstr(R"({registry="a\"b\\c\nd"} 0)"));
}

TEST(Prometheus, WritesLargeCountersInFullAndOddValuesByName) {
    struct Odd : Measured {
        void measure(MetricWriter& into) const override {
            into.gauge({"a", "A.", ""}, Labels{}, 123456789012345);
            into.gauge({"b", "B.", ""}, Labels{}, std::numeric_limits<double>::infinity());
            into.gauge({"c", "C.", ""}, Labels{}, std::numeric_limits<double>::quiet_NaN());
            into.gauge({"d", "D.", ""}, Labels{}, 0.1);
        }
    };
    const Odd odd;

    const auto text = text_of({&odd});

    EXPECT_THAT(text, HasSubstr("\na 123456789012345\n"));
    EXPECT_THAT(text, HasSubstr("\nb +Inf\n"));
    EXPECT_THAT(text, HasSubstr("\nc NaN\n"));
    EXPECT_THAT(text, HasSubstr("\nd 0.1\n"));
}

TEST(Prometheus, EverySeriesOfThisModuleHasTheProjectsFormOfName) {
    const std::regex ours{"(longshore_telemetry_[a-z_]+_(total|bytes|seconds|info))|(process_[a-z_]+)"};

    for (const auto& series : {k_requests, k_unfinished, k_received, k_sent, k_duration, k_first_byte, k_build,
                               k_resident, k_cpu, k_open_fds, k_max_fds, k_threads, k_start_time}) {
        EXPECT_TRUE(std::regex_match(std::string{series.name}, ours)) << series.name;
        EXPECT_TRUE(series.help.ends_with('.')) << series.name;
    }
}

TEST(Process, TellsItsMemoryTimeDescriptorsAndBuild) {
    const Process process{system_files()};

    const auto text = text_of({&process});

    EXPECT_THAT(text, HasSubstr("longshore_telemetry_build_info{version=\"" LONGSHORE_VERSION "\"} 1\n"));
    for (const auto* name : {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
                             "process_max_fds", "process_threads", "process_start_time_seconds"}) {
        EXPECT_THAT(text, ContainsRegex(std::string{"\n"} + name + " [0-9.]*[1-9]")) << name;
    }
}

TEST(Process, StartedBeforeNow) {
    const Process process{system_files()};
    const auto text = text_of({&process});
    const std::string name = "\nprocess_start_time_seconds ";

    const auto started = std::stod(text.substr(text.find(name) + name.size()));

    const auto now = std::chrono::duration<double>(SystemClock{}.wall().time_since_epoch()).count();
    EXPECT_LT(started, now + 2);
    EXPECT_GT(started, now - 3600);
}

TEST(ProcessStat, ReadsPastAHostileProcessName) {
    const auto stat = ProcessStat::parse(
        "42 (a) R 1 2 (b) S 1 42 42 0 -1 4194560 100 0 0 0 7 3 0 0 20 0 5 0 12345 1000000 678 18446744073709551615\n");

    ASSERT_TRUE(stat.has_value());
    EXPECT_EQ(stat->threads, 5U);
    EXPECT_EQ(stat->start_ticks, 12345U);
    EXPECT_EQ(stat->resident_pages, 678U);
}

TEST(ProcessStat, RefusesWhatIsNotAStat) {
    for (const auto* text :
         {"", "42", "42 (a)", "42 (a) ", "42 (a) S 1 2", "42 (a) S x x x x x x x x x x x x x x x x x x x x x x"}) {
        EXPECT_FALSE(ProcessStat::parse(text).has_value()) << text;
    }
}

}  // namespace
}  // namespace longshore::telemetry

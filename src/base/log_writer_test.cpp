#include "base/log_writer.hpp"

#include "base/testing/log_capture.hpp"
#include "base/testing/manual_clock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <charconv>

namespace longshore {
namespace {

using namespace std::chrono_literals;

class Pipe {
public:
    Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_reader();
        close_writer();
    }
    [[nodiscard]] int writer() const { return ends_[1]; }
    void close_reader() { shut(0); }
    void close_writer() { shut(1); }

    [[nodiscard]] bool readable() const {
        pollfd ready{ends_[0], POLLIN, 0};
        return ::poll(&ready, 1, 0) == 1;
    }
    // What is there, waiting for the first byte; empty after 10 s or at the end.
    std::string read_some() {
        pollfd ready{ends_[0], POLLIN, 0};
        if (::poll(&ready, 1, 10'000) <= 0) return {};
        std::string text(1 << 16, '\0');
        const auto got = ::read(ends_[0], text.data(), text.size());
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    }
    std::string read_to_end() {
        close_writer();
        std::string all;
        for (auto part = read_some(); !part.empty(); part = read_some()) all += part;
        return all;
    }

private:
    void shut(std::size_t end) {
        if (ends_[end] >= 0) ::close(std::exchange(ends_[end], -1));
    }
    std::array<int, 2> ends_{-1, -1};
};

constexpr std::string_view k_stamp = "1970-01-01T00:00:00.000Z ";
constexpr LogBounds k_patient{.batch_age = 1h};  // nothing is written because of age

class LogWriterTest : public ::testing::Test {
protected:
    testing::ManualClock clock_{0ns};
    Pipe pipe_;
};

void say(LogSink& sink, LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {}) {
    if (sink.wants(level)) sink.write({level, event, {fields.begin(), fields.size()}});
}

std::size_t count_of(std::string_view text, std::string_view word) {
    std::size_t count = 0;
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) ++count;
    return count;
}

// The sum of all reports of dropped lines.
std::uint64_t drops_told(std::string_view text) {
    constexpr std::string_view k_report = "log_lines_dropped lines=";
    std::uint64_t sum = 0;
    for (auto at = text.find(k_report); at != std::string_view::npos; at = text.find(k_report, at + 1)) {
        std::uint64_t lines = 0;
        std::from_chars(text.data() + at + k_report.size(), text.data() + text.size(), lines);
        if (text.find('\n', at) != std::string_view::npos) sum += lines;
    }
    return sum;
}

std::size_t lines_in(std::string_view text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

TEST_F(LogWriterTest, WritesALineWhenItHasAged) {
    LogWriter writer{pipe_.writer(), clock_, {}, {.batch_age = 1ms}};

    say(writer, LogLevel::info, "started", {{"pid", 7}});

    EXPECT_EQ(pipe_.read_some(), std::string{k_stamp} + "info started pid=7\n");
}

TEST_F(LogWriterTest, WritesErrorsAtOnceTogetherWithWhatCameBefore) {
    LogWriter writer{pipe_.writer(), clock_, {}, k_patient};

    say(writer, LogLevel::info, "started");
    say(writer, LogLevel::error, "broken");

    EXPECT_EQ(pipe_.read_some(), std::string{k_stamp} + "info started\n" + std::string{k_stamp} + "error broken\n");
}

TEST_F(LogWriterTest, HasWrittenAFatalLineWhenTheCallReturns) {
    LogWriter writer{pipe_.writer(), clock_, {}, k_patient};

    say(writer, LogLevel::fatal, "ended");

    ASSERT_TRUE(pipe_.readable());
    EXPECT_EQ(pipe_.read_some(), std::string{k_stamp} + "fatal ended\n");
}

TEST_F(LogWriterTest, FlushWritesWhatIsBuffered) {
    LogWriter writer{pipe_.writer(), clock_, {}, k_patient};
    say(writer, LogLevel::info, "started");

    EXPECT_TRUE(writer.flush(10s));

    EXPECT_EQ(pipe_.read_some(), std::string{k_stamp} + "info started\n");
}

TEST_F(LogWriterTest, WritesEverythingAtTheEnd) {
    {
        LogWriter writer{pipe_.writer(), clock_, {}, k_patient};
        std::thread{[&writer] { say(writer, LogLevel::info, "elsewhere"); }}.join();
        say(writer, LogLevel::info, "here");
    }

    EXPECT_EQ(lines_in(pipe_.read_to_end()), 2U);
}

TEST_F(LogWriterTest, LeavesOutWhatIsBelowTheThreshold) {
    LogWriter writer{pipe_.writer(), clock_, {.threshold = LogLevel::warning}, k_patient};

    EXPECT_FALSE(writer.wants(LogLevel::info));
    EXPECT_TRUE(writer.wants(LogLevel::warning));
}

TEST_F(LogWriterTest, ChangesFormatAndThresholdWhileRunning) {
    LogWriter writer{pipe_.writer(), clock_, {}, k_patient};

    writer.restyle({LogFormat::json, LogLevel::debug});
    say(writer, LogLevel::debug, "detail");
    EXPECT_TRUE(writer.flush(10s));

    EXPECT_EQ(pipe_.read_some(), R"({"time":"1970-01-01T00:00:00.000Z","level":"debug","event":"detail"})"
                                 "\n");
}

TEST_F(LogWriterTest, AReaderThatDoesNotReadCostsLinesButNoTimeAndIsToldHowMany) {
    const LogBounds small{.batch_bytes = 4096, .queue_bytes = 16 * 1024, .batch_age = 1h};
    LogWriter writer{pipe_.writer(), clock_, {}, small};
    const std::string filler(500, 'x');
    std::uint64_t said = 0;
    while (writer.dropped() < 10) {
        say(writer, LogLevel::info, "noise", {{"filler", filler}});
        ++said;
        ASSERT_LT(said, 10'000U);
    }

    std::string seen;
    while (drops_told(seen) < writer.dropped()) {
        const auto part = pipe_.read_some();
        ASSERT_FALSE(part.empty());
        seen += part;
    }
    EXPECT_TRUE(writer.flush(10s));
    if (pipe_.readable()) seen += pipe_.read_some();

    EXPECT_EQ(drops_told(seen), writer.dropped());
    EXPECT_EQ(count_of(seen, "noise"), said - writer.dropped());
}

TEST_F(LogWriterTest, EndsInTimeWhenNobodyReads) {
    const LogBounds hasty{.batch_age = 1h, .drain = 1ms};
    auto writer = std::make_unique<LogWriter>(pipe_.writer(), clock_, LogStyle{}, hasty);
    const std::string filler(1000, 'x');
    for (int i = 0; i < 200; ++i) say(*writer, LogLevel::info, "noise", {{"filler", filler}});

    writer.reset();

    EXPECT_LT(lines_in(pipe_.read_to_end()), 200U);
}

TEST_F(LogWriterTest, CountsLinesAsDroppedWhenTheReaderIsGone) {
    LogWriter writer{pipe_.writer(), clock_, {}, k_patient};
    pipe_.close_reader();

    say(writer, LogLevel::info, "unheard");
    say(writer, LogLevel::info, "unheard");
    EXPECT_TRUE(writer.flush(10s));

    EXPECT_EQ(writer.dropped(), 2U);
}

TEST_F(LogWriterTest, KeepsLinesWholeAndInOrderForEachOfManyThreads) {
    constexpr int k_threads = 4;
    constexpr int k_lines = 2000;
    std::string all;
    std::thread reader{[this, &all] {
        for (auto part = pipe_.read_some(); !part.empty(); part = pipe_.read_some()) all += part;
    }};
    {
        LogWriter writer{pipe_.writer(), clock_, {}, {.batch_bytes = 4096, .batch_age = 1ms}};
        std::vector<std::thread> threads;
        for (int t = 0; t < k_threads; ++t) {
            threads.emplace_back([&writer, t] {
                for (int i = 0; i < k_lines; ++i) say(writer, LogLevel::info, "tick", {{"thread", t}, {"i", i}});
            });
        }
        for (int i = 0; i < 20; ++i) writer.restyle({LogFormat::text, LogLevel::info});
        for (auto& thread : threads) thread.join();
        EXPECT_EQ(writer.dropped(), 0U);
    }
    pipe_.close_writer();
    reader.join();

    std::array<int, k_threads> next{};
    std::string_view rest{all};
    while (!rest.empty()) {
        const auto one = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(one.size() + 1);
        const auto thread = static_cast<std::size_t>(one.at(one.find("thread=") + 7) - '0');
        ASSERT_TRUE(one.ends_with(" i=" + std::to_string(next.at(thread)))) << one;
        ++next.at(thread);
    }
    EXPECT_THAT(next, ::testing::Each(k_lines));
}

TEST(Log, GoesToTheInstalledSinkAndBackAgain) {
    testing::LogCapture outer;
    {
        testing::LogCapture inner;
        log(LogLevel::warning, "inside", {{"n", 1}});
        EXPECT_EQ(inner.lines(), "warning inside n=1\n");
    }

    log(LogLevel::info, "outside");

    EXPECT_EQ(outer.lines(), "info outside\n");
}

}  // namespace
}  // namespace longshore

#include "base/log_format.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace longshore {
namespace {

using namespace std::chrono_literals;

const WallTime k_moment = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + 1h + 2min + 3s + 456ms;

std::string line(LogFormat format, std::string_view event, std::initializer_list<LogField> fields) {
    std::string out;
    append_log_line(out, format, k_moment, {LogLevel::info, event, {fields.begin(), fields.size()}});
    return out;
}

std::string text_value(std::string_view value) {
    std::string out;
    append_text_value(out, value);
    return out;
}

std::string json_string(std::string_view value) {
    std::string out;
    append_json_string(out, value);
    return out;
}

TEST(LogFormat, WritesTextLines) {
    EXPECT_EQ(line(LogFormat::text, "listening", {{"address", "127.0.0.1:5000"}, {"role", "mirror"}}),
              "2026-11-21T01:02:03.456Z info listening address=127.0.0.1:5000 role=mirror\n");
}

TEST(LogFormat, WritesJsonLines) {
    EXPECT_EQ(line(LogFormat::json, "listening", {{"address", "127.0.0.1:5000"}, {"loops", 2}}),
              R"({"time":"2026-11-21T01:02:03.456Z","level":"info","event":"listening",)"
              R"("address":"127.0.0.1:5000","loops":2})"
              "\n");
}

TEST(LogFormat, KeepsEveryKindOfNumber) {
    const auto fields = {LogField{"a", -1}, LogField{"b", std::numeric_limits<std::uint64_t>::max()},
                         LogField{"c", 0.25}, LogField{"d", true},
                         LogField{"e", std::numeric_limits<double>::infinity()}};

    EXPECT_EQ(line(LogFormat::text, "numbers", fields).substr(25),
              "info numbers a=-1 b=18446744073709551615 c=0.25 d=true e=null\n");
    EXPECT_TRUE(line(LogFormat::json, "numbers", fields)
                    .ends_with(R"("a":-1,"b":18446744073709551615,"c":0.25,"d":true,"e":null})"
                               "\n"));
}

TEST(LogFormat, AValueCannotForgeALine) {
    const auto forged = line(LogFormat::text, "request",
                             {{"path", "/a\n2026-11-21T01:02:03.456Z error forged admin=yes"}, {"status", 200}});

    EXPECT_EQ(std::ranges::count(forged, '\n'), 1);
    EXPECT_EQ(forged.substr(25),
              "info request path=\"/a\\n2026-11-21T01:02:03.456Z error forged admin=yes\" status=200\n");
}

TEST(LogFormat, AValueCannotForgeAField) {
    EXPECT_EQ(text_value("a status=200"), R"("a status=200")");
    EXPECT_EQ(text_value("a\" status=\"200"), R"("a\" status=\"200")");
    EXPECT_EQ(text_value("a=b"), R"("a=b")");
    EXPECT_EQ(text_value("a\\"), R"("a\\")");
    EXPECT_EQ(json_string(R"(","admin":"yes)"), R"("\",\"admin\":\"yes")");
}

TEST(LogFormat, TellsAnEmptyValueFromNone) { EXPECT_EQ(text_value(""), R"("")"); }

TEST(LogFormat, EscapesControlsSoThatATerminalDoesNotObeyThem) {
    EXPECT_EQ(text_value("\x1b[2J\r\t\x7f"), R"("\x1b[2J\r\t\x7f")");
    EXPECT_EQ(text_value(std::string_view("\0x", 2)), R"("\x00x")");
    EXPECT_EQ(json_string("\x1b[2J\x7f"), R"("\u001b[2J\u007f")");
    EXPECT_EQ(text_value("\xc2\x9b"), R"("\u009b")");  // CSI as a C1 control
}

TEST(LogFormat, EscapesWhatHidesOrReordersText) {
    EXPECT_EQ(text_value("a\u2028b"), R"("a\u2028b")");
    EXPECT_EQ(text_value("a\u202eb"), R"("a\u202eb")");
    EXPECT_EQ(json_string("a\ufeff"), R"("a\ufeff")");
}

TEST(LogFormat, KeepsOrdinaryUtf8) {
    EXPECT_EQ(text_value("größe"), "\"größe\"");
    EXPECT_EQ(json_string("😀"), "\"😀\"");
}

TEST(LogFormat, EscapesWhatIsNotUtf8) {
    EXPECT_EQ(text_value("\xff"), R"("\xff")");
    EXPECT_EQ(text_value("\xc0\xaf"), R"("\xc0\xaf")");          // overlong "/"
    EXPECT_EQ(text_value("\xed\xa0\x80"), R"("\xed\xa0\x80")");  // surrogate
    EXPECT_EQ(text_value("\xf5\x80\x80\x80"), R"("\xf5\x80\x80\x80")");
    EXPECT_EQ(text_value("\xe2\x82"), R"("\xe2\x82")");  // cut short
    EXPECT_EQ(json_string("\xff"), R"("\\xff")");
}

TEST(LogFormat, CutsLongValuesAtACharacter) {
    EXPECT_EQ(text_value(std::string(5000, 'a')), '"' + std::string(k_log_value_limit, 'a') + "...\"");
    const auto cut = text_value("a" + std::string(k_log_value_limit - 2, 'b') + "ößß");
    EXPECT_EQ(cut, "\"a" + std::string(k_log_value_limit - 2, 'b') + "...\"");
}

TEST(LogFormat, MendsNamesThatWouldBreakALine) {
    EXPECT_EQ(line(LogFormat::text, "two words", {{"a b\n\"", 1}}).substr(25), "info \"two words\" a_b__=1\n");
}

TEST(LogFormat, StampsTheEndsOfDaysAndYears) {
    const auto stamp = [](WallTime time) {
        std::string out;
        append_timestamp(out, time);
        return out;
    };

    EXPECT_EQ(stamp(WallTime{}), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(stamp(WallTime{} - 1ms), "1969-12-31T23:59:59.999Z");
    EXPECT_EQ(stamp(std::chrono::sys_days{std::chrono::year{2028} / 3 / 1} - 1ms), "2028-02-29T23:59:59.999Z");
}

TEST(LogFormat, ReadsItsOwnWords) {
    EXPECT_EQ(parse_log_format("json"), LogFormat::json);
    EXPECT_EQ(parse_log_format("xml"), std::nullopt);
    EXPECT_EQ(parse_log_level("warning"), LogLevel::warning);
    EXPECT_EQ(parse_log_level("loud"), std::nullopt);
}

}  // namespace
}  // namespace longshore

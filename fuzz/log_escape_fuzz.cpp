// Whatever a peer sends, a log line stays one line: valid UTF-8 without controls, and JSON that a parser accepts.
#include "base/log_format.hpp"

#include <boost/json.hpp>

#include <cstdlib>

namespace {

using namespace longshore;

void require(bool holds) {
    if (!holds) std::abort();
}

// One line, no other control byte, and every non-ASCII sequence well-formed (the JSON parser checks that part).
void require_clean(std::string_view line) {
    require(line.ends_with('\n'));
    for (const char c : line.substr(0, line.size() - 1)) {
        const auto byte = static_cast<unsigned char>(c);
        require(byte >= 0x20 && byte != 0x7F);
    }
}

// The words of a text line outside quotes: time, level, event and the two fields, whatever the value was.
std::size_t words_of(std::string_view line) {
    bool quoted = false;
    std::size_t words = 1;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (quoted && line[i] == '\\') {
            ++i;
        } else if (line[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && line[i] == ' ') {
            ++words;
        }
    }
    require(!quoted);
    return words;
}

void check_text(const LogRecord& record) {
    std::string line;
    append_log_line(line, LogFormat::text, WallTime{}, record);
    require_clean(line);
    require(words_of(line) == 5);

    // The same bytes as the inside of a JSON string, to have their UTF-8 checked.
    boost::system::error_code error;
    std::string json;
    append_json_string(json, line);
    const auto back = boost::json::parse(json, error);
    require(!error && back.as_string() == line);
}

void check_json(const LogRecord& record) {
    std::string line;
    append_log_line(line, LogFormat::json, WallTime{}, record);
    require_clean(line);

    boost::system::error_code error;
    const auto value = boost::json::parse(line, error);
    require(!error);
    require(value.as_object().size() == 5);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view value{reinterpret_cast<const char*>(data), size};
    const std::array<LogField, 2> fields{LogField{"value", value}, LogField{"after", 1}};
    const LogRecord record{LogLevel::info, "request", fields};
    check_text(record);
    check_json(record);
    return 0;
}

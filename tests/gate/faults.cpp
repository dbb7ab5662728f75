#include "faults.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include <charconv>
#include <vector>

namespace longshore::gate {

namespace {

using Words = std::vector<std::string_view>;
using std::chrono::milliseconds;

Words split_words(std::string_view line) {
    Words words;
    while (true) {
        const auto from = line.find_first_not_of(" \t\r");
        if (from == line.npos) return words;
        line.remove_prefix(from);
        const auto to = std::min(line.find_first_of(" \t\r"), line.size());
        words.push_back(line.substr(0, to));
        line.remove_prefix(to);
    }
}

template <class T>
bool read_number(std::string_view text, T least, T most, T& out) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most)) return false;
    out = value;
    return true;
}

bool read_ms(std::string_view text, milliseconds& out) {
    std::int64_t value = 0;
    if (!read_number<std::int64_t>(text, 0, 3'600'000, value)) return false;
    out = milliseconds{value};
    return true;
}

bool set_delay(DirectionFaults& faults, const Words& args) {
    if (args.empty() || args.size() > 2) return false;
    faults.jitter = milliseconds{0};
    return read_ms(args[0], faults.delay) && (args.size() == 1 || read_ms(args[1], faults.jitter));
}

bool set_drop(DirectionFaults& faults, const Words& args) {
    return args.size() == 1 && read_number(args[0], 0.0, 1.0, faults.drop);
}

bool set_corrupt(DirectionFaults& faults, const Words& args) {
    if (args.size() != 2) return false;
    faults.corrupt_every = 0;
    faults.corrupt_rate = 0;
    if (args[0] == "every") return read_number<std::uint64_t>(args[1], 0, 1ULL << 40, faults.corrupt_every);
    return args[0] == "rate" && read_number(args[1], 0.0, 1.0, faults.corrupt_rate);
}

bool set_split(DirectionFaults& faults, const Words& args) {
    if (args.empty() || args.size() > 2) return false;
    faults.split_pause = milliseconds{0};
    return read_number<std::uint32_t>(args[0], 0, 1U << 20, faults.split) &&
           (args.size() == 1 || read_ms(args[1], faults.split_pause));
}

bool set_join(DirectionFaults& faults, const Words& args) { return args.size() == 1 && read_ms(args[0], faults.join); }

bool set_limit(DirectionFaults& faults, const Words& args) {
    return args.size() == 1 && read_number<std::uint64_t>(args[0], 0, 1ULL << 40, faults.limit);
}

bool set_cut(DirectionFaults& faults, const Words& args) {
    if (args.size() == 1 && args[0] == "off") {
        faults.cut.reset();
        return true;
    }
    Cut cut;
    if (args.empty() || args.size() > 2) return false;
    if (!read_number<std::uint64_t>(args[0], 0, 1ULL << 50, cut.after_bytes)) return false;
    if (args.size() == 2 && args[1] != "rst" && args[1] != "fin") return false;
    if (args.size() == 2 && args[1] == "fin") cut.kind = CutKind::finish;
    faults.cut = cut;
    return true;
}

bool set_pass(DirectionFaults& faults, const Words& args) {
    faults = {};
    return args.empty();
}

struct FaultCommand {
    std::string_view name;
    bool (*set)(DirectionFaults&, const Words&);
    std::string_view usage;
};
constexpr FaultCommand k_commands[] = {
    {"delay", set_delay, "delay MS [JITTER_MS]"},
    {"drop", set_drop, "drop 0..1"},
    {"corrupt", set_corrupt, "corrupt every BYTES | corrupt rate 0..1"},
    {"split", set_split, "split BYTES [PAUSE_MS]"},
    {"join", set_join, "join MS"},
    {"limit", set_limit, "limit BYTES_PER_SECOND"},
    {"cut", set_cut, "cut BYTES [rst|fin] | cut off"},
    {"pass", set_pass, "pass"},
};

std::string set_refuse(Faults& faults, const Words& args) {
    if (args.size() != 1 || (args[0] != "on" && args[0] != "off")) return "usage: refuse on|off";
    faults.refuse = args[0] == "on";
    return {};
}

boost::json::value cut_json(const std::optional<Cut>& cut) {
    if (!cut) return nullptr;
    return {{"after", cut->after_bytes}, {"kind", cut->kind == CutKind::reset ? "rst" : "fin"}};
}

boost::json::value direction_json(const DirectionFaults& f) {
    return {{"delay_ms", f.delay.count()},
            {"jitter_ms", f.jitter.count()},
            {"drop", f.drop},
            {"corrupt_every", f.corrupt_every},
            {"corrupt_rate", f.corrupt_rate},
            {"split", f.split},
            {"split_pause_ms", f.split_pause.count()},
            {"join_ms", f.join.count()},
            {"limit", f.limit},
            {"cut", cut_json(f.cut)}};
}

}  // namespace

FaultBoard::FaultBoard(boost::asio::any_io_executor executor) : change_(std::move(executor)) {
    change_.expires_at(std::chrono::steady_clock::time_point::max());
}

void FaultBoard::set(const Faults& faults) {
    faults_ = faults;
    change_.cancel();
}

boost::asio::awaitable<void> FaultBoard::changed() {
    co_await change_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

std::string apply_fault(Faults& faults, std::string_view command) {
    auto words = split_words(command);
    if (words.empty()) return "empty command";
    const bool up_only = words[0] == "up";
    const bool down_only = words[0] == "down";
    if (up_only || down_only) words.erase(words.begin());
    if (words.empty()) return "a direction without a fault";
    const auto name = words[0];
    words.erase(words.begin());
    if (name == "refuse" && !up_only && !down_only) return set_refuse(faults, words);

    const auto* const known = std::ranges::find(k_commands, name, &FaultCommand::name);
    if (known == std::end(k_commands)) return "unknown command " + std::string{name};
    auto changed = faults;
    if (!down_only && !known->set(changed.up, words)) return "usage: " + std::string{known->usage};
    if (!up_only && !known->set(changed.down, words)) return "usage: " + std::string{known->usage};
    if (name == "pass" && !up_only && !down_only) changed.refuse = false;
    faults = changed;
    return {};
}

std::string to_json(const Faults& faults) {
    return boost::json::serialize(boost::json::value{
        {"up", direction_json(faults.up)}, {"down", direction_json(faults.down)}, {"refuse", faults.refuse}});
}

}  // namespace longshore::gate

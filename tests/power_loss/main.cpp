// longshore_power_loss: cuts the power at every file call of random histories of the stores, and looks what is left.
//
//   longshore_power_loss SEED HISTORIES [none|files|directories]
//
// For each history, each call of it and each way of forgetting what was not synced: the same history until that call,
// the power goes, sometimes once more while the next process starts, and then every blob, manifest and tag must be what
// the stores had promised. The rest of the history must work then. The last argument is what the disk lies about: then
// losses must be found. Prints one line of JSON; exit status 0 when it has run, whatever it found.
#include "ledger.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cerrno>
#include <charconv>
#include <iostream>

namespace longshore::power_loss {
namespace {

using longshore::testing::PowerLoss;

constexpr std::size_t k_steps = 10;
constexpr std::uint32_t k_random_ways = 4;
constexpr std::size_t k_most_faults = 20;  // told

struct Cut {
    std::uint64_t call;
    PowerLoss how;
    std::uint32_t seed;
};

struct Findings {
    std::uint64_t cuts = 0;
    std::uint64_t syncs = 0;   // of the undisturbed histories
    std::uint64_t second = 0;  // power losses while starting again
    std::uint64_t faults = 0;
    boost::json::array told;

    void add(std::string fault) {
        if (++faults <= k_most_faults) told.emplace_back(std::move(fault));
    }
};

class Trial {
public:
    Trial(const std::vector<Step>& history, Lie lie) : history_(history), world_(lie) {}

    // The calls it takes from the first start to its end.
    std::uint64_t undisturbed(Findings& findings) {
        live(findings, "undisturbed");
        check(findings, "undisturbed");
        findings.syncs += world_.disk.syncs();
        return world_.files.calls();
    }

    void run(const Cut& cut, Findings& findings) {
        const auto where = "call " + std::to_string(cut.call) + ", way " + std::to_string(static_cast<int>(cut.how)) +
                           "." + std::to_string(cut.seed);
        world_.files.fail_from(cut.call, EIO);
        (void)live_until_failure();
        lose_power(cut);
        if (cut.seed % 2 == 1) lose_power_while_starting(cut, findings);
        if (auto started = world_.start(); !started) return findings.add(where + ": " + to_string(started.error()));
        check(findings, where);
        ledger_.settle(observe(world_));
        live(findings, where + ", afterwards");
        check(findings, where + ", afterwards");
    }

private:
    bool live_until_failure() {
        if (!world_.start()) return false;
        for (; next_ < history_.size(); ++next_) {
            ledger_.begin(history_[next_]);
            if (!take(world_, history_[next_])) return false;
            ledger_.end(history_[next_]);
        }
        return true;
    }

    void live(Findings& findings, const std::string& where) {
        if (live_until_failure()) return;
        const auto again = next_ < history_.size() ? take(world_, history_[next_]) : Result<>{};
        findings.add(where + ": step " + std::to_string(next_) + " failed" +
                     (again ? " once" : ": " + to_string(again.error())));
    }

    void lose_power(const Cut& cut) {
        world_.stores.reset();
        world_.data.reset();
        world_.memory.lose_power(cut.how, cut.seed);
        world_.files.heal();
    }

    void lose_power_while_starting(const Cut& cut, Findings& findings) {
        ++findings.second;
        world_.files.fail_from(1 + (cut.call * 7 + cut.seed) % 25, EIO);
        (void)world_.start();
        lose_power({0, cut.how, cut.seed + 1});
    }

    void check(Findings& findings, const std::string& where) {
        for (const auto& fault : ledger_.faults(observe(world_))) findings.add(where + ": " + fault);
        if (world_.has_staged_files()) findings.add(where + ": staged files are left");
        if (world_.memory.open_files() != 1) findings.add(where + ": files are open beside the lock");
    }

    const std::vector<Step>& history_;
    World world_;
    Ledger ledger_;
    std::size_t next_ = 0;  // step
};

std::vector<Cut> cuts_at(std::uint64_t call) {
    std::vector<Cut> cuts{{call, PowerLoss::all_unsynced, 0}, {call, PowerLoss::unsynced_data, 1}};
    for (std::uint32_t way = 0; way < k_random_ways; ++way) {
        cuts.push_back({call, PowerLoss::random, static_cast<std::uint32_t>(call) * 64 + way});
    }
    return cuts;
}

Findings examine(std::uint32_t seed, unsigned histories, Lie lie) {
    Findings findings;
    std::mt19937 random{seed};
    for (unsigned number = 0; number < histories; ++number) {
        const auto history = random_history(random, k_steps);
        const auto calls = Trial{history, Lie::none}.undisturbed(findings);
        for (std::uint64_t call = 1; call <= calls + 1; ++call) {
            for (const auto& cut : cuts_at(call)) {
                Trial{history, lie}.run(cut, findings);
                ++findings.cuts;
            }
        }
    }
    return findings;
}

template <class Number>
bool read_number(std::string_view text, Number& into) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), into);
    return read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

bool read_lie(std::string_view text, Lie& lie) {
    if (text == "none") lie = Lie::none;
    if (text == "files") lie = Lie::files;
    if (text == "directories") lie = Lie::directories;
    return text == "none" || lie != Lie::none;
}

int run(std::span<char*> arguments) {
    std::uint32_t seed = 0;
    unsigned histories = 0;
    auto lie = Lie::none;
    const bool good = (arguments.size() == 2 || arguments.size() == 3) && read_number(arguments[0], seed) &&
                      read_number(arguments[1], histories) && (arguments.size() == 2 || read_lie(arguments[2], lie));
    if (!good) {
        std::cerr << "usage: longshore_power_loss SEED HISTORIES [none|files|directories]\n";
        return 2;
    }
    auto findings = examine(seed, histories, lie);
    std::cout << boost::json::serialize(boost::json::object{{"histories", histories},
                                                            {"cuts", findings.cuts},
                                                            {"second", findings.second},
                                                            {"syncs", findings.syncs},
                                                            {"faults", findings.faults},
                                                            {"told", std::move(findings.told)}})
              << '\n';
    return 0;
}

}  // namespace
}  // namespace longshore::power_loss

int main(int argc, char** argv) { return longshore::power_loss::run(std::span{argv, argv + argc}.subspan(1)); }

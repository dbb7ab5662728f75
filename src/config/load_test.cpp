#include "config/load.hpp"

#include "config/changed.hpp"
#include "config/manual.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace longshore::config {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

enum class Colour : std::uint8_t { red, green };
constexpr std::array k_colours{Choice{"red", Colour::red}, Choice{"green", Colour::green}};

struct Berth {
    std::string cert;
    std::string key;
};

struct Ship {
    std::string url;
    std::uint32_t crew = 1;
};

struct Lamp {
    std::chrono::milliseconds blink = 500ms;
    Colour colour = Colour::red;
    bool lit = true;
};

struct Harbour {
    std::string name = "quay";
    std::string token;
    std::uint16_t depth = 10;
    std::uint64_t store = 1024;
    std::vector<std::string> piers{"north"};
    std::vector<Berth> berths;
    std::map<std::string, Ship> ships{{"old", {"http://old", 3}}};
    Lamp lamp;
    Lamp buoy;
};

Verdict short_name(std::string_view text) {
    if (text.size() <= 8) return {};
    return Fault{"is too long", "write 8 letters at most"};
}

void describe(Describer& d, Berth& c) {
    d.text("cert", c.cert, "Chain.");
    d.text("key", c.key, "Key.");
}

void describe(Describer& d, Ship& c) {
    d.text("url", c.url, "Where it is.");
    d.number("crew", c.crew, {1, 100}, "Heads.");
}

void describe(Describer& d, Lamp& c) {
    d.duration<std::chrono::milliseconds>("blink", c.blink, {1ms, 1min}, "Time between flashes.").live();
    d.choice<Colour>("colour", c.colour, k_colours, "What it shows.");
    d.toggle("lit", c.lit, "Whether it burns.");
}

void describe(Describer& d, Harbour& c) {
    d.text("name", c.name, "What it is called.").checked_by(short_name);
    d.text("token", c.token, "Lets ships in.").secret().checked_by(short_name);
    d.number("depth", c.depth, {1, 40}, "Metres | feet.");
    d.size("store", c.store, {1, 1 << 20}, "Room ashore.");
    d.list("piers", c.piers, "Where to land.").flag_name("pier").shown_as("PIER").checked_by(short_name);
    d.each("berths", c.berths, "Places.").flag_name("berth");
    d.named("ships", c.ships, "Who is there.").flag_name("ship").principal("url").checked_by(short_name);
    d.group("lamp", c.lamp, "The lamp");
    d.group("buoy", c.buoy, "The buoy").plain_flags();
}

void check(const Berth& c, Mistakes& mistakes) {
    if (c.key.empty()) mistakes.at("key", "is missing", "name the key");
}

void check(const Harbour& c, Mistakes& mistakes) {
    if (c.depth < c.piers.size()) mistakes.at("piers", "there are more than the depth allows", "deepen it");
}

Loaded<Harbour> from(std::string_view yaml, std::vector<Variable> environment = {}, std::vector<FlagValue> flags = {}) {
    Loaded<Harbour> loaded{{}, {}};
    auto schema = schema_of(loaded.value);
    Mistakes mistakes;
    if (const auto node = parse_document(yaml, "f.yaml", mistakes)) apply_document(schema, *node, mistakes);
    apply_environment(schema, environment, mistakes);
    apply_flags(schema, flags, mistakes);
    run_checks(schema, mistakes);
    loaded.mistakes = mistakes.take();
    return loaded;
}

std::vector<std::string> complaints(const Loaded<Harbour>& loaded) {
    std::vector<std::string> lines;
    for (const auto& mistake : loaded.mistakes) lines.push_back(to_string(mistake));
    return lines;
}

std::vector<std::string> wrong(std::string_view yaml) { return complaints(from(yaml)); }
std::vector<std::string> wrong_variable(std::string name, std::string value) {
    return complaints(from("", {{std::move(name), std::move(value)}}));
}
std::vector<std::string> wrong_flag(std::string name, std::string value) {
    return complaints(from("", {}, {{std::move(name), std::move(value)}}));
}

TEST(Load, KeepsTheInitialisersWhenNothingIsSaid) {
    const auto loaded = from("");

    EXPECT_TRUE(loaded.ok());
    EXPECT_EQ(loaded.value.name, "quay");
    EXPECT_EQ(loaded.value.lamp.blink, 500ms);
}

TEST(Load, SetsEveryKindOfFieldFromTheFile) {
    const auto [value, mistakes] = from(R"(
name: pool
token: abc
depth: 12
store: 64KiB
piers: [south, "west"]
berths:
  - {cert: a.pem, key: a.key}
  - cert: b.pem
    key: b.key
ships:
  new: {url: "http://new", crew: 5}
  old:
    crew: 4
lamp:
  blink: 2s
  colour: green
  lit: false
)");

    ASSERT_TRUE(mistakes.empty()) << to_string(mistakes[0]);
    EXPECT_EQ(value.name, "pool");
    EXPECT_EQ(value.token, "abc");
    EXPECT_EQ(value.depth, 12);
    EXPECT_EQ(value.store, 64U << 10);
    EXPECT_THAT(value.piers, ElementsAre("south", "west"));
    ASSERT_EQ(value.berths.size(), 2U);
    EXPECT_EQ(value.berths[1].key, "b.key");
    EXPECT_EQ(value.ships.at("new").crew, 5U);
    EXPECT_EQ(value.ships.at("old").url, "http://old");
    EXPECT_EQ(value.ships.at("old").crew, 4U);
    EXPECT_EQ(value.lamp.blink, 2s);
    EXPECT_EQ(value.lamp.colour, Colour::green);
    EXPECT_FALSE(value.lamp.lit);
    EXPECT_TRUE(value.buoy.lit);
}

TEST(Load, SetsEveryKindOfFieldFromFlags) {
    const auto [value, mistakes] = from("", {},
                                        {{"depth", "7"},
                                         {"pier", "a"},
                                         {"pier", "b"},
                                         {"berth", "cert=a.pem,key=a.key"},
                                         {"berth", "cert=b.pem,key=b.key"},
                                         {"ship", "new=http://new?a=b"},
                                         {"ship", "old.crew=9"},
                                         {"lamp-colour", "green"},
                                         {"blink", "3s"}});

    ASSERT_TRUE(mistakes.empty()) << to_string(mistakes[0]);
    EXPECT_EQ(value.depth, 7);
    EXPECT_THAT(value.piers, ElementsAre("a", "b"));
    ASSERT_EQ(value.berths.size(), 2U);
    EXPECT_EQ(value.berths[1].cert, "b.pem");
    EXPECT_EQ(value.ships.at("new").url, "http://new?a=b");
    EXPECT_EQ(value.ships.at("old").crew, 9U);
    EXPECT_EQ(value.lamp.colour, Colour::green);
    EXPECT_EQ(value.buoy.blink, 3s);
    EXPECT_EQ(value.lamp.blink, 500ms);
}

TEST(Load, SetsEveryKindOfFieldFromTheEnvironment) {
    const auto [value, mistakes] = from("", {{"LONGSHORE_TOKEN", "abc"},
                                             {"LONGSHORE_PIERS", "a  b"},
                                             {"LONGSHORE_BERTHS", "cert=a,key=b cert=c,key=d"},
                                             {"LONGSHORE_SHIPS", "new=http://new old.crew=9"},
                                             {"LONGSHORE_BUOY_LIT", "false"},
                                             {"LONGSHORE_DEPTH", ""},
                                             {"HOME", "/root"}});

    ASSERT_TRUE(mistakes.empty()) << to_string(mistakes[0]);
    EXPECT_EQ(value.token, "abc");
    EXPECT_THAT(value.piers, ElementsAre("a", "b"));
    EXPECT_EQ(value.berths.at(1).cert, "c");
    EXPECT_EQ(value.ships.at("new").url, "http://new");
    EXPECT_EQ(value.ships.at("old").crew, 9U);
    EXPECT_FALSE(value.buoy.lit);
    EXPECT_EQ(value.depth, 10);
}

TEST(Load, LetsFlagsWinOverEnvironmentOverFileOverDefault) {
    const std::string file = "depth: 2\nname: file\nstore: 2\npiers: [f]\n";
    const std::vector<Variable> environment{
        {"LONGSHORE_DEPTH", "3"}, {"LONGSHORE_NAME", "env"}, {"LONGSHORE_PIERS", "e"}};

    const auto [value, mistakes] = from(file, environment, {{"depth", "4"}, {"pier", "p"}});

    ASSERT_TRUE(mistakes.empty());
    EXPECT_EQ(value.depth, 4);
    EXPECT_EQ(value.name, "env");
    EXPECT_EQ(value.store, 2U);
    EXPECT_THAT(value.piers, ElementsAre("p"));
    EXPECT_EQ(value.lamp.blink, 500ms);
}

TEST(Load, ReportsAllMistakesOfAllSourcesTogether) {
    const auto lines = complaints(
        from("depht: 3\nstore: 2MiB\nlamp: {blink: 60}\n", {{"LONGSHORE_LAMP_COLOUR", "gren"}}, {{"depth", "many"}}));

    EXPECT_THAT(lines,
                ElementsAre("f.yaml:1:1: depht: unknown key; did you mean `depth`?",
                            "f.yaml:2:8: store: \"2MiB\" is too large; the most is 1MiB",
                            "f.yaml:3:15: lamp.blink: \"60\" has no unit; write whole numbers with a unit, such "
                            "as 500ms, 60s or 1h",
                            "LONGSHORE_LAMP_COLOUR: lamp.colour: \"gren\" is not a choice; did you mean `green`?",
                            "--depth: depth: \"many\" is not a whole number; write a number from 1 to 40"));
}

TEST(Load, NamesThePathOfAKeyThatStandsInTheWrongPlace) {
    EXPECT_THAT(wrong("blink: 1s\n"), ElementsAre("f.yaml:1:1: blink: unknown key; did you mean `lamp.blink`?"));
}

TEST(Load, ListsTheKnownKeysWhenNothingIsNear) {
    EXPECT_THAT(wrong("lamp: {zzzzzzzz: 1}\n"),
                ElementsAre("f.yaml:1:8: lamp.zzzzzzzz: unknown key; known here: blink, colour, lit"));
}

TEST(Load, RefusesRepeatedKeys) {
    EXPECT_THAT(wrong("depth: 3\nname: a\ndepth: 4\n"),
                ElementsAre("f.yaml:3:1: depth: this key was given in line 1; keep one of them"));
    EXPECT_THAT(wrong("ships:\n  a: {url: x}\n  a: {url: y}\n"),
                ElementsAre(HasSubstr("ships.a: this key was given in line 2")));
}

TEST(Load, SaysWhatShapeIsWanted) {
    EXPECT_THAT(wrong("depth: [1]\n"), ElementsAre(HasSubstr("depth: is a list; write a single value, 1 to 40")));
    EXPECT_THAT(wrong("depth:\n"), ElementsAre(HasSubstr("depth: has no value; write a single value")));
    EXPECT_THAT(wrong("piers: north\n"), ElementsAre(HasSubstr("piers: is a single value; write a list")));
    EXPECT_THAT(wrong("piers: [{a: b}]\n"), ElementsAre(HasSubstr("piers: is a map; write single values")));
    EXPECT_THAT(wrong("lamp: on\n"), ElementsAre(HasSubstr("lamp: is a single value; write its keys")));
    EXPECT_THAT(wrong("berths: {cert: a}\n"), ElementsAre(HasSubstr("berths: is a map; write a list")));
    EXPECT_THAT(wrong("ships: {a: http://x}\n"), ElementsAre(HasSubstr("ships.a: is a single value; write {url: …")));
    EXPECT_THAT(wrong("[a]\n"), ElementsAre(HasSubstr("f.yaml:1:1: the file is a list; write keys and values")));
}

TEST(Load, AcceptsAGroupWhoseKeysAreCommentedOut) { EXPECT_TRUE(from("lamp:\n  # blink: 1s\nships:\n").ok()); }

TEST(Load, RunsTheCheckOfEachField) {
    EXPECT_THAT(wrong("name: muchtoolong\n"),
                ElementsAre("f.yaml:1:7: name: \"muchtoolong\" is too long; write 8 letters at most"));
    EXPECT_THAT(wrong("piers: [ok, muchtoolong]\n"), ElementsAre(HasSubstr("f.yaml:1:13: piers: \"muchtoolong\"")));
    EXPECT_THAT(wrong("ships: {muchtoolong: {}}\n"), ElementsAre(HasSubstr("ships.muchtoolong: \"muchtoolong\" is")));
    EXPECT_THAT(wrong_flag("ship", "muchtoolong=x"), ElementsAre(HasSubstr("\"muchtoolong\" is too long")));
    EXPECT_THAT(wrong_variable("LONGSHORE_PIERS", "a muchtoolong"), ElementsAre(HasSubstr("\"muchtoolong\" is")));
}

TEST(Load, RunsTheChecksAcrossFieldsAtThePlaceOfTheField) {
    EXPECT_THAT(wrong("depth: 1\npiers: [a, b]\n"),
                ElementsAre("f.yaml:2:8: piers: there are more than the depth allows; deepen it"));
    EXPECT_THAT(wrong("berths: [{cert: a}, {cert: b, key: k}]\n"),
                ElementsAre("berths[0].key: is missing; name the key"));
}

TEST(Load, LeavesAFieldWithAMistakeOutOfTheChecksAcrossFields) {
    EXPECT_THAT(wrong("depth: 1\npiers: [a, muchtoolong]\n"), ElementsAre(HasSubstr("is too long")));
}

TEST(Load, NeverRepeatsASecret) {
    const auto lines = wrong("token: muchtoolongsecret\n");

    EXPECT_THAT(lines, ElementsAre("f.yaml:1:8: token: the value is too long; write 8 letters at most"));
    EXPECT_THAT(wrong_variable("LONGSHORE_TOKEN", "muchtoolongsecret"), ElementsAre(Not(HasSubstr("muchtoolong"))));
}

TEST(Load, KnowsNoFlagForASecret) {
    Harbour harbour;
    auto schema = schema_of(harbour);

    for (const auto& setting : settings(schema))
        EXPECT_EQ(setting.flag.empty(), setting.path == "token") << setting.path;
}

TEST(Load, RefusesUnknownVariablesUnderKnownGroups) {
    EXPECT_THAT(wrong_variable("LONGSHORE_LAMP_COLOR", "red"),
                ElementsAre("LONGSHORE_LAMP_COLOR: unknown variable; did you mean `LONGSHORE_LAMP_COLOUR`?"));
    EXPECT_THAT(wrong_variable("LONGSHORE_LAMP_XYZXYZXYZ", "1"), ElementsAre(HasSubstr("unknown variable; remove it")));
    EXPECT_THAT(wrong_variable("LONGSHORE_DEPHT", "1"), ElementsAre(HasSubstr("did you mean `LONGSHORE_DEPTH`?")));
}

TEST(Load, LeavesVariablesOfOthersAlone) {
    for (const auto* name :
         {"LONGSHORE_API", "LONGSHORE_API_TOKEN", "LONGSHORE_CONFIG", "LONGSHORE_TUNNEL_EDGE_ADDRESS",
          "LONGSHORE_LAMP_SERVICE_HOST", "LONGSHORE_LAMP_SERVICE_PORT_HTTP", "LONGSHORE_LAMP_PORT",
          "LONGSHORE_LAMP_PORT_5000_TCP_ADDR", "OTHER_DEPTH"}) {
        EXPECT_TRUE(wrong_variable(name, "x").empty()) << name;
    }
}

TEST(Load, RefusesAFlagGivenTwice) {
    const auto lines = complaints(from("", {}, {{"depth", "1"}, {"depth", "2"}}));

    EXPECT_THAT(lines, ElementsAre("--depth: depth: this was given 2 times; give it once"));
}

TEST(Load, SaysHowListsAndMapsAreWrittenAsText) {
    EXPECT_THAT(wrong_flag("ship", "nothing"), ElementsAre(HasSubstr("\"nothing\" is not NAME=VALUE")));
    EXPECT_THAT(wrong_flag("ship", "=x"), ElementsAre(HasSubstr("is not NAME=VALUE")));
    EXPECT_THAT(wrong_flag("ship", "a.crw=3"),
                ElementsAre(HasSubstr("ships.a.crw: unknown key; did you mean `crew`?")));
    EXPECT_THAT(wrong_flag("ship", "a.crew=0"), ElementsAre(HasSubstr("ships.a.crew: \"0\" is too small")));
    EXPECT_THAT(wrong_flag("berth", "key=a,b"), ElementsAre(HasSubstr("\"b\" is not KEY=VALUE; write KEY=VALUE,...")));
}

TEST(Load, CountsMistakesBeyondTheLimit) {
    std::string many;
    for (int i = 0; i < 150; ++i) many += "unknownkey" + std::to_string(i) + ": 1\n";

    const auto lines = wrong(many);

    ASSERT_EQ(lines.size(), Mistakes::k_limit + 1);
    EXPECT_EQ(lines.back(), "and 50 more; put these right first");
}

TEST(Load, ShowsControlCharactersEscaped) {
    EXPECT_THAT(wrong(R"(depth: "1\e[2J")"), ElementsAre(HasSubstr(R"("1\x1b[2J")")));
}

TEST(Load, SaysThatAFileCannotBeRead) {
    const auto loaded = load<Harbour>(system_files(), {"/nonexistent/longshore.yaml", {}, {}});

    ASSERT_EQ(loaded.mistakes.size(), 1U);
    EXPECT_THAT(to_string(loaded.mistakes[0]), HasSubstr("/nonexistent/longshore.yaml: cannot be read"));
}

TEST(Changed, ListsWhatDiffersAndWhatWaitsForARestart) {
    Harbour before;
    Harbour after;
    after.lamp.blink = 1s;
    after.depth = 3;
    after.token = "abc";
    after.ships["old"].crew = 4;
    after.berths.push_back({"c", "k"});

    const auto changes = changed(before, after);

    ASSERT_EQ(changes.size(), 5U);
    EXPECT_EQ(changes[0].path, "token");
    EXPECT_EQ(changes[0].after, "(secret)");
    EXPECT_EQ(changes[1].path, "depth");
    EXPECT_EQ(changes[1].reload, Reload::restart);
    EXPECT_EQ(changes[2].after, "[{cert: c, key: k}]");
    EXPECT_EQ(changes[3].before, "{old: {url: http://old, crew: 3}}");
    EXPECT_EQ(changes[4].path, "lamp.blink");
    EXPECT_EQ(changes[4].reload, Reload::live);
    EXPECT_EQ(changes[4].before, "500ms");
    EXPECT_TRUE(changed(before, before).empty());
}

TEST(Manual, HelpNamesEveryFlagWithItsDefaultAndBounds) {
    Harbour harbour;
    auto schema = schema_of(harbour);

    const auto help = flags_help(schema);

    for (const auto& setting : settings(schema)) {
        EXPECT_THAT(help, HasSubstr(setting.flag.empty() ? setting.environment : "--" + setting.flag));
        EXPECT_THAT(help, HasSubstr(setting.field->doc));
    }
    EXPECT_THAT(help,
                HasSubstr("  --lamp-blink DURATION\n      Time between flashes. Allowed: 1ms to 1m. Default: 500ms."));
    EXPECT_THAT(help, HasSubstr("\nThe lamp:\n"));
    EXPECT_THAT(help, HasSubstr("  --pier PIER\n      Where to land. May be repeated. Default: [north].\n"));
}

TEST(Manual, ReferenceNamesEverySettingAndKeepsTheTableWhole) {
    Harbour harbour;
    auto schema = schema_of(harbour);

    const auto page = reference(schema, "# Title\n");

    for (const auto& setting : settings(schema)) EXPECT_THAT(page, HasSubstr("`" + setting.environment + "`"));
    EXPECT_THAT(page, HasSubstr("Metres \\| feet."));
    EXPECT_THAT(page, HasSubstr("Each name of `ships` has:"));
    EXPECT_THAT(page, HasSubstr("| `crew` | Heads. | number, 1 to 100 | `1` |"));
}

TEST(Manual, WrapsAtTheColumnLimit) {
    const std::string words(200, 'x');

    EXPECT_EQ(wrapped("a " + words + " b", 2), "  a\n  " + words + "\n  b\n");
    EXPECT_EQ(wrapped("", 2), "");
}

TEST(Nearest, FindsSwapsAndTyposOnly) {
    const std::vector<std::string> known{"tag_ttl", "listen", "data_dir"};

    EXPECT_EQ(nearest("tag-ttl", known), "tag_ttl");
    EXPECT_EQ(nearest("lisetn", known), "listen");
    EXPECT_EQ(nearest("datadir", known), "data_dir");
    EXPECT_EQ(nearest("something", known), "");
    EXPECT_EQ(nearest(std::string(100'000, 'a'), known), "");
}

}  // namespace
}  // namespace longshore::config

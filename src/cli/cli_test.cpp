#include "base/testing/memory_files.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/run.hpp"
#include "config/describe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace longshore::cli {
namespace {

// The folder above src/, where the build found this file.
std::string repository() {
    const std::string here{__FILE__};
    return here.substr(0, here.size() - std::string_view{"src/cli/cli_test.cpp"}.size());
}

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A command line run against recording actions.
struct Shell {
    longshore::testing::MemoryFiles files;
    std::vector<config::Variable> environment;
    std::ostringstream out;
    std::ostringstream err;
    std::optional<app::Start> up;
    std::optional<app::Start> mirror;
    std::vector<std::string> health_urls;
    std::optional<app::StatsQuery> stats;

    void write(std::string_view text) { ASSERT_TRUE(write_whole(files, "/f.yaml", text)); }

    int run(std::vector<std::string> words) {
        const Actions actions{.up = [this](app::Start start) { return up = std::move(start), 40; },
                              .mirror = [this](app::Start start) { return mirror = std::move(start), 41; },
                              .healthcheck = [this](const auto& urls) { return health_urls = urls, 42; },
                              .mirror_stats = [this](const auto& query) { return stats = query, 43; }};
        Surroundings surroundings{out, err, files, environment, app::Account::root, actions};
        return cli::run(words, surroundings);
    }
};

TEST(CommandLine, StartsTheRolesThatScriptsRelyOn) {
    Shell shell;

    EXPECT_EQ(shell.run({"up", "--data-dir", "/d"}), 40);
    EXPECT_EQ(
        shell.run({"mirror", "--listen", "127.0.0.1:0", "--data-dir=/d", "--admin-listen=127.0.0.1:0", "--base-domain",
                   "m.test", "--upstream", "docker=http://127.0.0.1:1", "--upstream=a=http://b"}),
        41);

    EXPECT_EQ(shell.up->config.data_dir, "/d");
    EXPECT_THAT(shell.mirror->config.listen, ElementsAre("127.0.0.1:0"));
    EXPECT_EQ(shell.mirror->config.base_domain, "m.test");
    EXPECT_EQ(shell.mirror->config.mirror.upstreams.at("docker").url, "http://127.0.0.1:1");
    EXPECT_EQ(shell.mirror->config.mirror.upstreams.at("a").url, "http://b");
    EXPECT_EQ(shell.err.str(), "");
}

TEST(CommandLine, TakesSwitchesWithAndWithoutAValue) {
    Shell shell;

    EXPECT_EQ(shell.run({"mirror", "--log-access=false", "--development-ca"}), 41);

    EXPECT_FALSE(shell.mirror->config.log.access);
    EXPECT_TRUE(shell.mirror->config.development_ca);
}

TEST(CommandLine, ReadsTheFileOfTheFlagOrOfTheEnvironment) {
    Shell shell;
    shell.write("loops: 3\n");

    EXPECT_EQ(shell.run({"mirror", "--config", "/f.yaml"}), 41);
    EXPECT_EQ(shell.mirror->config.loops, 3U);
    shell.environment = {{"LONGSHORE_CONFIG", "/f.yaml"}};
    EXPECT_EQ(shell.run({"up"}), 40);
    EXPECT_EQ(shell.up->config.loops, 3U);
}

TEST(CommandLine, ReloadsFromTheSameSources) {
    Shell shell;
    shell.write("loops: 3\ndisk_threads: 2\n");
    EXPECT_EQ(shell.run({"mirror", "--config", "/f.yaml", "--disk-threads", "9"}), 41);

    shell.write("loops: 5\ndisk_threads: 3\n");
    const auto again = shell.mirror->reload();
    shell.write("loops: many\n");
    const auto broken = shell.mirror->reload();

    EXPECT_TRUE(again.ok());
    EXPECT_EQ(again.value.loops, 5U);
    EXPECT_EQ(again.value.disk_threads, 9U);
    EXPECT_EQ(broken.mistakes.size(), 1U);
}

TEST(CommandLine, PrintsAllMistakesAndStartsNothing) {
    Shell shell;
    shell.write("loops: many\nlisten: x\n");

    EXPECT_EQ(shell.run({"mirror", "--config", "/f.yaml", "--tag-ttl", "5"}), k_misused);

    EXPECT_FALSE(shell.mirror);
    EXPECT_THAT(shell.err.str(), HasSubstr("/f.yaml:1:8: loops: \"many\" is not a whole number"));
    EXPECT_THAT(shell.err.str(), HasSubstr("/f.yaml:2:9: listen: is a single value; write a list"));
    EXPECT_THAT(shell.err.str(), HasSubstr("--tag-ttl: mirror.tag_ttl: \"5\" has no unit"));
}

TEST(CommandLine, SuggestsFlags) {
    Shell shell;

    EXPECT_EQ(shell.run({"mirror", "--lisetn", "x:1", "--tag-ttl"}), k_misused);

    EXPECT_THAT(shell.err.str(), HasSubstr("unknown flag \"--lisetn\"; did you mean `--listen`?"));
    EXPECT_THAT(shell.err.str(), HasSubstr("unexpected argument \"x:1\""));
    EXPECT_THAT(shell.err.str(), HasSubstr("--tag-ttl needs a value"));
}

TEST(CommandLine, SuggestsCommands) {
    for (const auto& [words, wanted] :
         std::map<std::vector<std::string>, std::string>{{{"miror"}, "did you mean `mirror`?"},
                                                         {{"versoin"}, "did you mean `version`?"},
                                                         {{"config", "chekc"}, "did you mean `config check`?"},
                                                         {{"config"}, "unknown command \"config\""},
                                                         {{"serve-all-the-things"}, "run `longshore help`"},
                                                         {{"help", "miror"}, "did you mean `mirror`?"}}) {
        Shell shell;
        EXPECT_EQ(shell.run(words), k_misused) << words.front();
        EXPECT_THAT(shell.err.str(), HasSubstr(wanted));
    }
}

TEST(CommandLine, RefusesWhatACommandDoesNotTake) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"version", "--json", "--json"},
                                                  {"version", "--json=yes"},
                                                  {"version", "now"},
                                                  {"version", "-j"},
                                                  {"config", "check"},
                                                  {"config", "check", "a", "b"},
                                                  {"healthcheck", "--url"},
                                                  {"healthcheck", "--url", "--url"},
                                                  {"up", "--", "--data-dir"},
                                                  {"up", "--="}}) {
        Shell shell;
        EXPECT_EQ(shell.run(words), k_misused) << words.back();
        EXPECT_NE(shell.err.str(), "");
    }
}

TEST(CommandLine, PrintsTheVersion) {
    Shell text;
    Shell json;

    EXPECT_EQ(text.run({"version"}), k_done);
    EXPECT_EQ(json.run({"version", "--json"}), k_done);

    EXPECT_EQ(text.out.str(), "longshore " LONGSHORE_VERSION "\n");
    EXPECT_EQ(json.out.str(), "{\"name\":\"longshore\",\"version\":\"" LONGSHORE_VERSION "\"}\n");
}

TEST(CommandLine, ChecksAFile) {
    Shell shell;
    shell.write("mirror: {tag_ttl: 5s}\n");
    EXPECT_EQ(shell.run({"config", "check", "/f.yaml"}), k_done);

    shell.write("mirror: {tag_tl: 5s, manifest_limit: 1}\n");
    EXPECT_EQ(shell.run({"config", "check", "/f.yaml"}), k_failed);

    EXPECT_EQ(shell.out.str(), "/f.yaml: no mistakes\n");
    EXPECT_THAT(shell.err.str(), HasSubstr("did you mean `tag_ttl`?"));
    EXPECT_THAT(shell.err.str(), HasSubstr("the least is 64KiB"));
    EXPECT_EQ(shell.run({"config", "check", "missing.yaml"}), k_failed);
}

TEST(CommandLine, AsksForHealthWhereTheAdminListenerIs) {
    Shell shell;

    EXPECT_EQ(shell.run({"healthcheck"}), 42);
    EXPECT_THAT(shell.health_urls,
                ElementsAre("http://127.0.0.1:8090/healthcheck", "http://127.0.0.1:8091/healthcheck"));
    EXPECT_EQ(shell.run({"healthcheck", "--url", "http://h/ready"}), 42);
    EXPECT_THAT(shell.health_urls, ElementsAre("http://h/ready"));
    shell.environment = {{"LONGSHORE_ADMIN_LISTEN", ":9000"}};
    EXPECT_EQ(shell.run({"healthcheck"}), 42);
    EXPECT_THAT(shell.health_urls, ElementsAre("http://127.0.0.1:9000/healthcheck"));
}

TEST(CommandLine, AsksForStatsByDataDirectory) {
    Shell shell;

    EXPECT_EQ(shell.run({"mirror", "stats", "--data-dir", "/d", "--json"}), 43);

    EXPECT_EQ(shell.stats->data_dir, "/d");
    EXPECT_EQ(shell.stats->form, app::Form::json);
    EXPECT_EQ(shell.run({"mirror", "stats"}), 43);
    EXPECT_EQ(shell.stats->data_dir, "/var/lib/longshore");
}

TEST(Help, ListsEveryCommand) {
    Shell shell;

    EXPECT_EQ(shell.run({"help"}), k_done);

    for (const auto& command : commands()) {
        EXPECT_THAT(shell.out.str(), HasSubstr("  " + std::string{command.name} + " "));
        EXPECT_THAT(shell.out.str(), HasSubstr(std::string{command.summary}));
    }
}

TEST(Help, IsOnStandardErrorWhenNothingWasAsked) {
    Shell shell;

    EXPECT_EQ(shell.run({}), k_misused);

    EXPECT_EQ(shell.out.str(), "");
    EXPECT_THAT(shell.err.str(), HasSubstr("Commands:"));
}

TEST(Help, ComesForEveryCommandInBothSpellings) {
    for (const auto& command : commands()) {
        Shell asked;
        Shell flagged;
        std::vector<std::string> words;
        std::istringstream split{std::string{command.name}};
        for (std::string word; split >> word;) words.push_back(word);
        auto help = words;
        help.insert(help.begin(), "help");
        words.push_back("--help");

        EXPECT_EQ(asked.run(help), k_done);
        EXPECT_EQ(flagged.run(words), k_done);

        EXPECT_EQ(asked.out.str(), flagged.out.str());
        EXPECT_THAT(asked.out.str(), HasSubstr("longshore " + std::string{command.name}));
        EXPECT_THAT(asked.out.str(), HasSubstr("--help"));
        for (const auto& option : command.options)
            EXPECT_THAT(asked.out.str(), HasSubstr("--" + std::string{option.name}));
    }
}

TEST(Help, NamesEverySettingForTheRoles) {
    app::Config defaults;
    auto schema = config::schema_of(defaults);
    const auto text = manual(*find_command("mirror"));

    for (const auto& setting : config::settings(schema))
        EXPECT_THAT(text, HasSubstr("\n  --" + setting.flag)) << setting.path;
}

TEST(Help, FitsATerminal) {
    std::istringstream list{overview()};
    for (std::string line; std::getline(list, line);) EXPECT_LE(line.size(), 80U) << line;
    for (const auto& command : commands()) {
        std::istringstream lines{manual(command)};
        for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
    }
}

TEST(Reference, MatchesThePageInTheRepository) {
    const auto page = read_whole(system_files(), repository() + "docs/reference/configuration.md", 1 << 20);

    ASSERT_TRUE(page) << to_string(page.error());
    EXPECT_EQ(*page, app::reference_page()) << "run ./dev docs";
}

TEST(Reference, IsWhatTheCommandPrints) {
    Shell shell;

    EXPECT_EQ(shell.run({"config", "reference"}), k_done);

    EXPECT_EQ(shell.out.str(), app::reference_page());
}

}  // namespace
}  // namespace longshore::cli

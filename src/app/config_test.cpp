#include "app/config.hpp"

#include "config/changed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace longshore::app {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

config::Loaded<Config> from(Role role, std::vector<config::FlagValue> flags,
                            std::vector<config::Variable> environment = {}) {
    return load(system_files(), {{}, std::move(environment), std::move(flags)}, role, Account::root);
}

std::vector<std::string> wrong(std::vector<config::FlagValue> flags) {
    std::vector<std::string> lines;
    for (const auto& mistake : from(Role::mirror, std::move(flags)).mistakes) lines.push_back(to_string(mistake));
    return lines;
}

TEST(AppConfig, ListensOnLoopbackByRole) {
    const auto mirror = from(Role::mirror, {}).value;
    const auto up = from(Role::up, {}).value;

    EXPECT_THAT(mirror.listen, ElementsAre("127.0.0.1:5000"));
    EXPECT_EQ(mirror.admin_listen, "127.0.0.1:8091");
    EXPECT_THAT(up.listen, ElementsAre("127.0.0.1:5000"));
    EXPECT_EQ(up.admin_listen, "127.0.0.1:8090");
}

TEST(AppConfig, TurnsOffDefaultListenersWhenAnyIsNamed) {
    const auto listen = from(Role::mirror, {{"listen", "127.0.0.1:6000"}}).value;
    const auto admin = from(Role::up, {{"admin-listen", "127.0.0.1:6000"}}).value;

    EXPECT_THAT(listen.listen, ElementsAre("127.0.0.1:6000"));
    EXPECT_EQ(listen.admin_listen, "");
    EXPECT_THAT(admin.listen, IsEmpty());
}

TEST(AppConfig, KnowsTheFlagsThatScriptsRelyOn) {
    const auto [value, mistakes] = from(Role::mirror, {{"listen", "127.0.0.1:0"},
                                                       {"data-dir", "/srv/m"},
                                                       {"admin-listen", "127.0.0.1:0"},
                                                       {"base-domain", "mirror.example.org"},
                                                       {"upstream", "docker=http://127.0.0.1:5600"},
                                                       {"upstream", "inner=https://registry.example.org"},
                                                       {"tag-ttl", "5s"},
                                                       {"grace-period", "1s"},
                                                       {"log-format", "json"}});

    ASSERT_THAT(mistakes, IsEmpty());
    EXPECT_EQ(value.data_dir, "/srv/m");
    EXPECT_EQ(value.mirror.upstreams.at("docker").url, "http://127.0.0.1:5600");
    EXPECT_EQ(value.mirror.upstreams.at("inner").url, "https://registry.example.org");
    EXPECT_EQ(value.mirror.tag_ttl, std::chrono::seconds{5});
    EXPECT_EQ(value.log.format, LogFormat::json);
}

TEST(AppConfig, TakesTheTagTtlFromItsVariable) {
    EXPECT_EQ(from(Role::mirror, {}, {{"LONGSHORE_MIRROR_TAG_TTL", "7s"}}).value.mirror.tag_ttl,
              std::chrono::seconds{7});
}

TEST(AppConfig, FindsTheDataDirectory) {
    EXPECT_EQ(default_data_dir({}, Account::root), "/var/lib/longshore");
    const std::vector<config::Variable> home{{"HOME", "/home/ann"}};
    EXPECT_EQ(default_data_dir(home, Account::ordinary), "/home/ann/.local/state/longshore");
    const std::vector<config::Variable> state{{"HOME", "/home/ann"}, {"XDG_STATE_HOME", "/state"}};
    EXPECT_EQ(default_data_dir(state, Account::ordinary), "/state/longshore");
    const auto homeless = load(system_files(), {}, Role::up, Account::ordinary);
    ASSERT_EQ(homeless.mistakes.size(), 1U);
    EXPECT_THAT(homeless.mistakes[0].fix, HasSubstr("--data-dir"));
}

TEST(AppConfig, RefusesValuesThatCannotWork) {
    EXPECT_THAT(wrong({{"listen", "5000"}}), ElementsAre(HasSubstr("\"5000\" is not an address to listen on")));
    EXPECT_THAT(wrong({{"base-domain", "https://x"}}), ElementsAre(HasSubstr("is not a host name")));
    EXPECT_THAT(wrong({{"base-domain", "a..b"}}), ElementsAre(HasSubstr("is not a host name")));
    EXPECT_THAT(wrong({{"upstream", "docker=registry"}}), ElementsAre(HasSubstr("is not the URL of a registry")));
    EXPECT_THAT(wrong({{"upstream", "docker=http://h/v2/"}}), ElementsAre(HasSubstr("is not the URL of a registry")));
    EXPECT_THAT(wrong({{"upstream", "Docker=http://h"}}), ElementsAre(HasSubstr("cannot be part of a host name")));
    EXPECT_THAT(wrong({{"certificate", "cert=a"}}), ElementsAre(HasSubstr("certificates[0].key: is missing")));
    EXPECT_THAT(wrong({{"http-target-bytes", "64KiB"}}), ElementsAre(HasSubstr("larger than http.header_bytes")));
    EXPECT_THAT(wrong({{"tls-client-certificates", "optional"}}),
                ElementsAre(HasSubstr("nobody is trusted to issue them")));
    EXPECT_THAT(wrong({{"tls-handshakes", "1"}}), ElementsAre(HasSubstr("is too small")));
}

TEST(AppConfig, AsksForTheUrlOfAnUpstreamThatIsNotBuiltIn) {
    EXPECT_THAT(wrong({{"upstream", "inner.enabled=true"}}), ElementsAre(HasSubstr("upstreams.inner.url: is missing")));
    EXPECT_THAT(wrong({{"upstream", "quay.enabled=false"}}), IsEmpty());
}

TEST(AppConfig, RefusesTlsWithoutACertificate) {
    EXPECT_THAT(wrong({{"tls-listen", ":443"}}),
                ElementsAre(HasSubstr("--tls-listen: tls_listen: there is no certificate")));
    EXPECT_THAT(wrong({{"tls-listen", ":443"}, {"development-ca", "true"}}), IsEmpty());
}

TEST(AppConfig, RefusesAnAddressListenedOnTwice) {
    EXPECT_THAT(wrong({{"listen", "localhost:80"}, {"admin-listen", "127.0.0.1:80"}}),
                ElementsAre(HasSubstr("admin_listen: \"127.0.0.1:80\" is listened on twice")));
    EXPECT_THAT(wrong({{"listen", "127.0.0.1:0"}, {"admin-listen", "127.0.0.1:0"}}), IsEmpty());
}

TEST(AppConfig, GivesEverySettingNamesOfItsOwn) {
    Config defaults;
    auto schema = config::schema_of(defaults);
    std::set<std::string> flags{"config", "help"};
    std::set<std::string> variables{"LONGSHORE_CONFIG", "LONGSHORE_API", "LONGSHORE_API_TOKEN"};

    for (const auto& setting : config::settings(schema)) {
        EXPECT_TRUE(flags.insert(setting.flag).second) << setting.flag;
        EXPECT_TRUE(variables.insert(setting.environment).second) << setting.environment;
    }
}

TEST(AppConfig, WritesDocsAsSentences) {
    Config defaults;
    auto schema = config::schema_of(defaults);

    for (const auto& setting : config::settings(schema))
        EXPECT_THAT(setting.field->doc, ::testing::EndsWith(".")) << setting.path;
}

TEST(AppConfig, AcceptsItsOwnDefaultsAsText) {
    Config defaults;
    auto schema = config::schema_of(defaults);

    for (const auto& setting : config::settings(schema)) {
        if (!std::holds_alternative<config::Scalar>(setting.field->shape)) continue;
        const auto text = config::exact_text_of(*setting.field);
        if (!text.empty()) EXPECT_FALSE(config::set_text(*setting.field, text)) << setting.path << " = " << text;
    }
    EXPECT_THAT(config::changed(defaults, Config{}), IsEmpty());
}

TEST(AppConfig, KnowsWhatSighupTakesOver) {
    Config after;
    after.mirror.tag_ttl = std::chrono::seconds{1};
    after.loops = 3;

    const auto changes = config::changed(Config{}, after);

    ASSERT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0].path, "loops");
    EXPECT_EQ(changes[0].reload, config::Reload::restart);
    EXPECT_EQ(changes[1].path, "mirror.tag_ttl");
    EXPECT_EQ(changes[1].reload, config::Reload::live);
}

}  // namespace
}  // namespace longshore::app

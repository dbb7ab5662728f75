#include "tls/certificates.hpp"

#include "base/testing/memory_files.hpp"
#include "tls/development_ca.hpp"
#include "tls/testing/pair.hpp"
#include "tls/testing/test_ca.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace longshore::tls {
namespace {

using longshore::testing::MemoryFiles;
using testing::Pems;
using testing::TestCa;

class CertificatesOfFiles : public ::testing::Test {
protected:
    CertificatePair put(const std::string& name, const Pems& pems) {
        EXPECT_TRUE(write_whole(files_, "/" + name + ".pem", pems.chain));
        EXPECT_TRUE(write_whole(files_, "/" + name + ".key", pems.key));
        return {"/" + name + ".pem", "/" + name + ".key"};
    }
    std::vector<Error> load(std::vector<CertificatePair> pairs) { return loop_.run(source_->load(std::move(pairs))); }
    std::string shown_for(std::string_view name) const {
        const auto identity = source_->find(name, {});
        return identity == nullptr ? "" : identity->names()[0];
    }

    DiskPool disk_{1};
    testing::OneLoop loop_;
    MemoryFiles files_;
    TestCa ca_;
    std::shared_ptr<FileCertificates> source_ = std::make_shared<FileCertificates>(files_, disk_);
};

TEST_F(CertificatesOfFiles, KnowNothingBeforeTheyAreLoaded) {
    EXPECT_EQ(source_->find("a.example", {}), nullptr);
    EXPECT_EQ(source_->fallback(), nullptr);
}

TEST_F(CertificatesOfFiles, PreferTheExactNameToAWildcard) {
    const auto mistakes = load({put("first", ca_.server({"first.example"})), put("star", ca_.server({"*.b.example"})),
                                put("exact", ca_.server({"x.b.example"}))});

    ASSERT_TRUE(mistakes.empty()) << mistakes[0].where;
    EXPECT_EQ(shown_for("x.b.example"), "x.b.example");
    EXPECT_EQ(shown_for("y.b.example"), "*.b.example");
    EXPECT_EQ(shown_for("z.y.b.example"), "");
    EXPECT_EQ(shown_for("b.example"), "");
    EXPECT_EQ(source_->fallback()->names()[0], "first.example");
}

TEST_F(CertificatesOfFiles, PreferTheEarlierPair) {
    const auto early = ca_.server({"a.example", "early"});
    ASSERT_TRUE(load({put("early", early), put("late", ca_.server({"a.example", "late"}))}).empty());

    EXPECT_EQ(source_->find("a.example", {})->chain_pem(), early.chain);
}

TEST_F(CertificatesOfFiles, AreFoundByAddress) {
    ASSERT_TRUE(load({put("a", ca_.server({"a.example", "192.0.2.1", "::1"}))}).empty());

    EXPECT_EQ(shown_for("192.0.2.1"), "a.example");
    EXPECT_EQ(shown_for("::1"), "a.example");
}

TEST_F(CertificatesOfFiles, StayWhenAnythingReloadedIsBad) {
    ASSERT_TRUE(load({put("a", ca_.server({"a.example"})), put("b", ca_.server({"b.example"}))}).empty());
    const auto before = source_->find("a.example", {});
    put("a", ca_.server({"a.example"}));
    put("b", {ca_.server({"b.example"}).chain, ca_.server({"b.example"}).key});

    const auto mistakes = loop_.run(source_->reload());

    ASSERT_EQ(mistakes.size(), 1U);
    EXPECT_EQ(mistakes[0].where, "/b.pem with /b.key: the private key does not belong to the certificate");
    EXPECT_EQ(source_->find("a.example", {}), before);
}

TEST_F(CertificatesOfFiles, ReportAllMistakesTogether) {
    const auto good = ca_.server({"a.example"});

    const auto mistakes = load({put("junk", {"junk", good.key}),
                                put("nokey", {good.chain, "junk"}),
                                put("good", good),
                                {"/absent.pem", "/absent.key"}});

    ASSERT_EQ(mistakes.size(), 3U);
    EXPECT_EQ(mistakes[0].where, "/junk.pem with /junk.key: certificate chain: no PEM certificate in it");
    EXPECT_EQ(mistakes[1].where, "/nokey.pem with /nokey.key: private key: no PEM key in it, or a damaged one");
    EXPECT_EQ(mistakes[2].code, Errc::not_found);
}

Task<std::string> reload_under_a_connection(FileCertificates& source, const ServerContext& server,
                                            const ClientContext& client) {
    const auto before = co_await testing::handshake(server, client, "a.example");
    const auto mistakes = co_await source.reload();
    EXPECT_TRUE(mistakes.empty());
    const auto after = co_await testing::handshake(server, client, "a.example");
    auto hello = net::Chunk::of_static("still here");
    (void)co_await (*before.server)->write(std::move(hello), Deadline::max());
    const auto got = co_await (*before.client)->read(100, Deadline::max());
    EXPECT_NE((*before.client)->peer_certificate(), (*after.client)->peer_certificate());
    co_return std::string{got->text()};
}

TEST_F(CertificatesOfFiles, ReloadForNewHandshakesWhileOlderConnectionsGoOn) {
    ASSERT_TRUE(load({put("a", ca_.server({"a.example"}))}).empty());
    const auto server = ServerContext::make(source_, {}, disk_);
    const auto client = ca_.client_context(disk_);
    put("a", ca_.server({"a.example"}));

    EXPECT_EQ(loop_.run(reload_under_a_connection(*source_, **server, *client)), "still here");
}

TEST_F(CertificatesOfFiles, SeveralSourcesAreAskedInOrder) {
    ASSERT_TRUE(load({put("a", ca_.server({"a.example"}))}).empty());
    const auto other = std::make_shared<OneCertificate>(ca_.server_identity({"other"}));
    const CertificateSources sources{{source_, other}};

    EXPECT_EQ(sources.find("a.example", {})->names()[0], "a.example");
    EXPECT_EQ(sources.find("b.example", {})->names()[0], "other");
    EXPECT_EQ(sources.fallback()->names()[0], "a.example");
}

class Development : public ::testing::Test {
protected:
    Result<std::shared_ptr<DevelopmentCa>> open(std::vector<std::string> names = {"localhost"}) {
        return DevelopmentCa::open(files_, clock_, "/data/tls", std::move(names));
    }
    // Whether a client that trusts the authority's file alone accepts the server under `name`.
    std::string verified(std::shared_ptr<const Certificates> source, const std::string& name) {
        const auto server = ServerContext::make(std::move(source), {}, disk_);
        auto roots = loop_.run(TrustRoots::load(files_, disk_, {"/data/tls/development-ca.pem"}));
        const auto client = ClientContext::make({.roots = *roots}, disk_);
        const auto ends = loop_.run(testing::handshake(**server, **client, name));
        return ends.client ? "verified" : ends.client.error().where;
    }

    SystemClock clock_;
    DiskPool disk_{1};
    testing::OneLoop loop_;
    MemoryFiles files_;
};

TEST_F(Development, MintsALeafPerNameThatItsFileVerifies) {
    const auto authority = open();

    ASSERT_TRUE(authority) << authority.error().where;
    EXPECT_EQ(verified(*authority, "localhost"), "verified");
    EXPECT_EQ(verified(*authority, "quiet-river.localhost"), "verified");
    EXPECT_EQ(verified(*authority, "a.b.localhost"), "verified");
    EXPECT_EQ(verified(*authority, "127.0.0.1"), "verified");
    EXPECT_EQ((*authority)->cached(), 4U);
}

TEST_F(Development, MintsNothingForOtherNames) {
    const auto authority = *open({"localhost", "dev.example"});

    EXPECT_NE(authority->find("x.dev.example", {}), nullptr);
    EXPECT_EQ(authority->find("example", {}), nullptr);
    EXPECT_EQ(authority->find("notlocalhost", {}), nullptr);
    EXPECT_EQ(authority->find("192.0.2.1", {}), nullptr);
    EXPECT_EQ(authority->find("*.localhost", {}), nullptr);
    EXPECT_EQ(authority->find("a..localhost", {}), nullptr);
    EXPECT_EQ(verified(authority, "example"), "certificate of example: hostname mismatch");
}

TEST_F(Development, GivesTheSameLeafAgain) {
    const auto authority = *open();

    EXPECT_EQ(authority->find("a.localhost", {}), authority->find("a.localhost", {}));
}

TEST_F(Development, ForgetsTheLeavesAskedForLongestAgo) {
    const auto authority = *open();
    const auto kept = authority->find("kept.localhost", {});
    const auto forgotten = authority->find("forgotten.localhost", {});

    for (std::size_t i = 0; i < DevelopmentCa::k_cached_leaves; ++i) {
        (void)authority->find(std::to_string(i) + ".localhost", {});
        (void)authority->find("kept.localhost", {});
    }

    EXPECT_EQ(authority->cached(), DevelopmentCa::k_cached_leaves);
    EXPECT_EQ(authority->find("kept.localhost", {}), kept);
    EXPECT_NE(authority->find("forgotten.localhost", {}), forgotten);
}

TEST_F(Development, IsTheSameAuthorityWhenOpenedAgain) {
    const auto first = (*open())->certificate_pem();

    EXPECT_EQ((*open())->certificate_pem(), first);
    EXPECT_EQ((*open())->certificate_file(), "/data/tls/development-ca.pem");
}

TEST_F(Development, SaysWhatToDoWhenItsKeyIsGone) {
    ASSERT_TRUE(open());
    ASSERT_TRUE(files_.remove("/data/tls/development-ca-key.pem"));

    const auto again = open();

    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::invalid);
    EXPECT_TRUE(again.error().where.contains("its key is gone; remove it")) << again.error().where;
}

TEST_F(Development, BeginsAnewWhenOnlyItsKeyWasWritten) {
    ASSERT_TRUE(open());
    ASSERT_TRUE(files_.remove("/data/tls/development-ca.pem"));

    const auto again = open();

    ASSERT_TRUE(again) << again.error().where;
    EXPECT_EQ(verified(*again, "localhost"), "verified");
}

class LaterClock final : public Clock {
public:
    [[nodiscard]] Deadline now() const noexcept override { return std::chrono::steady_clock::now(); }
    [[nodiscard]] WallTime wall() const noexcept override { return std::chrono::system_clock::now() + later; }
    std::chrono::hours later{0};
};

TEST_F(Development, RenewsALeafBeforeItExpires) {
    LaterClock clock;
    const auto authority = *DevelopmentCa::open(files_, clock, "/data/tls", {"localhost"});
    const auto first = authority->find("localhost", {});

    clock.later = std::chrono::days{21};
    const auto second = authority->find("localhost", {});

    EXPECT_GT(second->valid_until(), first->valid_until());
    EXPECT_EQ(authority->cached(), 1U);
}

TEST_F(Development, MakesALeafAnewThatItMadeWhileTheClockWasWrong) {
    for (const auto wrong : {std::chrono::days{1}, std::chrono::days{-20'000}}) {
        LaterClock clock;
        const auto authority = *DevelopmentCa::open(files_, clock, "/data/tls", {"localhost"});
        clock.later = wrong;
        const auto made_then = authority->find("localhost", {});

        clock.later = std::chrono::days{0};
        const auto made_now = authority->find("localhost", {});

        EXPECT_NE(made_now, made_then);
        EXPECT_EQ(authority->find("localhost", {}), made_now);
    }
}

TEST_F(Development, KeepsItsLeafThroughSmallStepsOfTheClock) {
    LaterClock clock;
    const auto authority = *DevelopmentCa::open(files_, clock, "/data/tls", {"localhost"});
    const auto leaf = authority->find("localhost", {});

    for (const auto later : {std::chrono::hours{24}, std::chrono::hours{-1}, std::chrono::hours{0}}) {
        clock.later = later;
        EXPECT_EQ(authority->find("localhost", {}), leaf);
    }
}

TEST_F(Development, SaysSoWhenItHasExpired) {
    ASSERT_TRUE(open());
    LaterClock clock;
    clock.later = std::chrono::days{3640};

    const auto again = DevelopmentCa::open(files_, clock, "/data/tls", {"localhost"});

    ASSERT_FALSE(again);
    EXPECT_TRUE(again.error().where.contains("expired")) << again.error().where;
}

TEST(DevelopmentOnDisk, KeepsItsKeyToItsOwner) {
    const std::string directory = ::testing::TempDir() + "/longshore-development-ca";
    const SystemClock clock;
    const auto authority = DevelopmentCa::open(system_files(), clock, directory, {"localhost"});
    ASSERT_TRUE(authority) << authority.error().where;
    struct stat status{};

    ASSERT_EQ(::stat((directory + "/development-ca-key.pem").c_str(), &status), 0);

    EXPECT_EQ(status.st_mode & 0777, 0600U);
    (void)system_files().remove(directory + "/development-ca-key.pem");
    (void)system_files().remove(directory + "/development-ca.pem");
    (void)system_files().remove(directory);
}

}  // namespace
}  // namespace longshore::tls

#include "registry/staging.hpp"

#include "base/testing/faulty_files.hpp"
#include "base/testing/memory_files.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace longshore::registry {
namespace {

using longshore::testing::FaultyFiles;
using longshore::testing::MemoryFiles;
using longshore::testing::PowerLoss;

TEST(Staging, PutsAFileInPlaceAndMakesItsDirectory) {
    MemoryFiles files;
    const auto staging = Staging::open(files, "/data/tmp").value();

    ASSERT_TRUE(staging->replace("/data/a/b/c", "content"));

    EXPECT_EQ(read_whole(files, "/data/a/b/c", 100).value(), "content");
    EXPECT_EQ(files.all_files(), std::vector<std::string>{"/data/a/b/c"});
}

TEST(Staging, MakesItsDirectoryAgainWhenThatHasVanished) {
    MemoryFiles files;
    std::string asked;
    const auto restore = [&asked]() -> Result<> {
        asked += "once";
        return {};
    };
    const auto staging = Staging::open(files, "/data/tmp", Staging::Leftovers::remove, restore).value();
    ASSERT_TRUE(staging->replace("/data/a", "before"));
    EXPECT_EQ(asked, "");
    ASSERT_TRUE(files.rename("/data", "/elsewhere"));

    ASSERT_TRUE(staging->replace("/data/a", "after"));

    EXPECT_EQ(read_whole(files, "/data/a", 100).value(), "after");
    EXPECT_EQ(asked, "once");
}

TEST(Staging, MakesNothingWhereItMayNotBe) {
    MemoryFiles files;
    const auto restore = []() -> Result<> { return Error{Errc::conflict, "/data is in use"}; };
    const auto staging = Staging::open(files, "/data/tmp", Staging::Leftovers::remove, restore).value();
    ASSERT_TRUE(files.rename("/data", "/elsewhere"));

    const auto staged = staging->create();

    ASSERT_FALSE(staged);
    EXPECT_EQ(staged.error().where, "/data is in use");
    EXPECT_FALSE(files.list("/data"));
}

TEST(Staging, RemovesAFileThatWasNotMovedAlsoWhenItsOwnerWasMoved) {
    MemoryFiles files;
    const auto staging = Staging::open(files, "/data/tmp").value();
    {
        auto first = staging->create().value();
        auto second = staging->create().value();
        first = std::move(second);
        EXPECT_EQ(files.all_files().size(), 1U);
    }

    EXPECT_TRUE(files.all_files().empty());
    EXPECT_EQ(files.open_files(), 0U);
}

TEST(Staging, CannotOpenWhileALeftoverCannotBeRemoved) {
    MemoryFiles memory;
    ASSERT_TRUE(memory.make_directories("/data/tmp"));
    ASSERT_TRUE(memory.create("/data/tmp/staged-00-1"));
    FaultyFiles files{memory};
    files.fail_call(3, EACCES);

    const auto staging = Staging::open(files, "/data/tmp");

    ASSERT_FALSE(staging);
    EXPECT_EQ(staging.error().where, "/data/tmp/staged-00-1 remove: Permission denied");
}

TEST(Staging, KeepsWhatAProcessThatStillRunsHasStagedUntilItIsAsked) {
    MemoryFiles files;
    const auto old = Staging::open(files, "/data/tmp").value();
    const auto theirs = old->create().value();

    const auto staging = Staging::open(files, "/data/tmp", Staging::Leftovers::keep).value();
    const auto ours = staging->create().value();
    EXPECT_EQ(files.all_files().size(), 2U);

    ASSERT_TRUE(staging->remove_leftovers());
    EXPECT_EQ(files.all_files().size(), 1U);
    EXPECT_FALSE(ours.settled());
}

TEST(SyncNames, MakesAWholePathDurableUpToItsRoot) {
    for (const std::string root : {"/data", "data"}) {
        MemoryFiles files;
        ASSERT_TRUE(files.make_directories(root));
        ASSERT_TRUE(files.sync_directory("/"));
        const auto staging = Staging::open(files, root + "/tmp").value();
        ASSERT_TRUE(staging->replace(root + "/a/b/c", "content"));

        ASSERT_TRUE(sync_names(files, root + "/a/b/c", root));
        files.lose_power(PowerLoss::all_unsynced);

        EXPECT_EQ(read_whole(files, root + "/a/b/c", 100).value(), "content");
    }
}

}  // namespace
}  // namespace longshore::registry

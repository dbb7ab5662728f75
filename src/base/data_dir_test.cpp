#include "base/data_dir.hpp"

#include "base/testing/faulty_files.hpp"
#include "base/testing/memory_files.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace longshore {
namespace {

using testing::FaultyFiles;
using testing::MemoryFiles;

class OnDisk : public ::testing::Test {
protected:
    OnDisk() {
        std::string pattern = (std::filesystem::temp_directory_path() / "longshore-XXXXXX").string();
        root_ = ::mkdtemp(pattern.data());
    }
    ~OnDisk() override { std::filesystem::remove_all(root_); }
    std::string root_;
};

TEST(DataDir, IsMadeWithItsParentsAndItsFormat) {
    MemoryFiles files;

    const auto opened = DataDir::open(files, "/var/lib/longshore/");

    ASSERT_TRUE(opened) << to_string(opened.error());
    EXPECT_EQ(opened->path(), "/var/lib/longshore");
    EXPECT_EQ(read_whole(files, "/var/lib/longshore/format", 100).value(), "longshore data 1\n");
}

TEST(DataDir, OpensAgainAfterItWasClosed) {
    MemoryFiles files;
    {
        const auto first = DataDir::open(files, "/data").value();
    }

    EXPECT_TRUE(DataDir::open(files, "/data"));
}

TEST(DataDir, HeldByAProcessIsAConflictThatNamesIt) {
    MemoryFiles files;
    const auto holder = DataDir::open(files, "/data").value();

    const auto second = DataDir::open(files, "/data");

    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
    EXPECT_EQ(second.error().where, "data directory /data is in use by process " + std::to_string(::getpid()));
}

TEST(DataDir, OfANewerFormatIsRefused) {
    MemoryFiles files;
    ASSERT_TRUE(files.make_directories("/data"));
    ASSERT_TRUE(write_whole(files, "/data/format", "longshore data 2\n"));

    const auto opened = DataDir::open(files, "/data");

    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unsupported);
    EXPECT_NE(opened.error().where.find("format 2"), std::string::npos);
}

TEST(DataDir, WithAnotherProgramsFormatFileIsRefused) {
    for (const auto* content : {"", "longshore data", "longshore data x\n", "longshore data 0\n", "ext4\n"}) {
        MemoryFiles files;
        ASSERT_TRUE(files.make_directories("/data"));
        ASSERT_TRUE(write_whole(files, "/data/format", content));

        const auto opened = DataDir::open(files, "/data");

        ASSERT_FALSE(opened) << content;
        EXPECT_EQ(opened.error().code, Errc::invalid) << content;
    }
}

TEST(DataDir, IsThereAfterAPowerLossWithItsParents) {
    MemoryFiles files;
    ASSERT_TRUE(DataDir::open(files, "/var/lib/longshore"));

    files.lose_power(testing::PowerLoss::all_unsynced);

    EXPECT_EQ(read_whole(files, "/var/lib/longshore/format", 100).value(), "longshore data 1\n");
}

TEST(DataDir, IsMadeAndTakenAgainWhenItHasVanished) {
    MemoryFiles files;
    auto data = DataDir::open(files, "/data").value();
    EXPECT_FALSE(data.restore().value());
    ASSERT_TRUE(files.rename("/data", "/elsewhere"));

    EXPECT_TRUE(data.restore().value());

    EXPECT_EQ(read_whole(files, "/data/format", 100).value(), "longshore data 1\n");
    EXPECT_EQ(DataDir::open(files, "/data").error().code, Errc::conflict);
    EXPECT_FALSE(data.restore().value());
}

TEST(DataDir, OfAnotherProcessIsNotTakenFromItWhenOursHasVanished) {
    MemoryFiles files;
    auto data = DataDir::open(files, "/data").value();
    ASSERT_TRUE(files.rename("/data", "/elsewhere"));
    {
        const auto other = DataDir::open(files, "/data").value();
        EXPECT_EQ(data.restore().error().code, Errc::conflict);
    }

    EXPECT_TRUE(data.restore().value());
}

TEST(DataDir, IsRestoredAfterAFailureAtAnyCall) {
    for (std::uint64_t number = 1;; ++number) {
        MemoryFiles memory;
        FaultyFiles files{memory};
        auto data = DataDir::open(files, "/data").value();
        ASSERT_TRUE(memory.rename("/data", "/elsewhere"));
        files.fail_call(number, EIO);
        (void)data.restore();
        const bool reached = files.failed() != 0;
        files.heal();

        EXPECT_TRUE(data.restore()) << number;
        EXPECT_EQ(DataDir::open(memory, "/data").error().code, Errc::conflict) << number;
        EXPECT_EQ(memory.open_files(), 1U) << number;
        if (!reached) break;
    }
}

TEST(DataDir, OpensAfterAFailureAtAnyCallAndLeavesNothingBehind) {
    for (std::uint64_t number = 1;; ++number) {
        MemoryFiles memory;
        FaultyFiles files{memory};
        files.fail_call(number, EIO);
        const bool opened = DataDir::open(files, "/data").has_value();
        const bool reached = files.failed() != 0;
        EXPECT_EQ(memory.open_files(), 0U) << number;
        files.heal();

        EXPECT_TRUE(DataDir::open(files, "/data")) << number;
        EXPECT_EQ(memory.all_files(), (std::vector<std::string>{"/data/format", "/data/lock"})) << number;
        if (!reached) {
            EXPECT_TRUE(opened);
            break;
        }
    }
}

TEST_F(OnDisk, DataDirIsPrivateToItsOwner) {
    const auto path = root_ + "/a/b";

    ASSERT_TRUE(DataDir::open(system_files(), path));

    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700U);
    ASSERT_EQ(::stat((path + "/lock").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(OnDisk, DataDirIsHeldAgainstAnotherProcessAndFreedWhenTheHolderDies) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const auto child = ::fork();
    if (child == 0) {
        const auto held = DataDir::open(system_files(), root_);
        (void)!::write(ready[1], held ? "y" : "n", 1);
        ::pause();
    }
    char answer = 0;
    ASSERT_EQ(::read(ready[0], &answer, 1), 1);
    ASSERT_EQ(answer, 'y');

    const auto while_held = DataDir::open(system_files(), root_);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    const auto afterwards = DataDir::open(system_files(), root_);

    ASSERT_FALSE(while_held);
    EXPECT_EQ(while_held.error().where, "data directory " + root_ + " is in use by process " + std::to_string(child));
    EXPECT_TRUE(afterwards);
    ::close(ready[0]);
    ::close(ready[1]);
}

using HandedOver = OnDisk;

TEST_F(HandedOver, StaysHeldUntilBothHaveGone) {
    auto old = std::make_unique<DataDir>(DataDir::open(system_files(), root_).value());
    auto followed = DataDir::take_over(system_files(), root_, ::dup(old->lock_descriptor()));
    ASSERT_TRUE(followed) << to_string(followed.error());

    old.reset();
    EXPECT_FALSE(DataDir::open(system_files(), root_));
    followed = Error{Errc::cancelled, {}};
    EXPECT_TRUE(DataDir::open(system_files(), root_));
}

TEST_F(HandedOver, TakesNoLockOfAnotherDirectory) {
    const auto elsewhere = DataDir::open(system_files(), root_ + "/elsewhere").value();
    const auto here = DataDir::open(system_files(), root_ + "/here").value();

    EXPECT_FALSE(DataDir::take_over(system_files(), root_ + "/here", ::dup(elsewhere.lock_descriptor())));
}

}  // namespace
}  // namespace longshore

#include "base/testing/memory_files.hpp"

#include "base/testing/faulty_files.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace longshore::testing {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

TEST(MemoryFiles, KeepsWhatWasSyncedWhenThePowerGoes) {
    MemoryFiles files;
    ASSERT_TRUE(files.make_directories("/d"));
    ASSERT_TRUE(files.sync_directory("/"));
    ASSERT_TRUE(write_whole(files, "/d/f", "kept"));

    files.lose_power(PowerLoss::all_unsynced);

    EXPECT_EQ(read_whole(files, "/d/f", 100).value(), "kept");
}

TEST(MemoryFiles, ForgetsANameWhoseDirectoryWasNotSynced) {
    MemoryFiles files;
    ASSERT_TRUE(files.make_directories("/d"));
    ASSERT_TRUE(files.sync_directory("/"));
    const auto file = files.create("/d/f").value();
    ASSERT_TRUE(file->write_at(0, bytes_of("x")));
    ASSERT_TRUE(file->sync());

    files.lose_power(PowerLoss::all_unsynced);

    EXPECT_EQ(files.open("/d/f").error().code, Errc::not_found);
}

TEST(MemoryFiles, ForgetsARenameThatWasNotSynced) {
    MemoryFiles files;
    ASSERT_TRUE(write_whole(files, "/old", "1"));
    ASSERT_TRUE(files.rename("/old", "/new"));

    files.lose_power(PowerLoss::all_unsynced);

    EXPECT_TRUE(files.open("/old"));
    EXPECT_FALSE(files.open("/new"));
}

TEST(MemoryFiles, CanKeepANameAndLoseItsBytes) {
    MemoryFiles files;
    const auto file = files.create("/f").value();
    ASSERT_TRUE(file->write_at(0, bytes_of("abcd")));

    files.lose_power(PowerLoss::unsynced_data);

    EXPECT_EQ(read_whole(files, "/f", 100).value(), std::string(2, '\0'));
}

TEST(MemoryFiles, TellsAReplacedFileByItsFacts) {
    MemoryFiles files;
    ASSERT_TRUE(write_whole(files, "/f", "a"));
    const auto before = files.open("/f").value()->facts().value();
    ASSERT_TRUE(files.rename("/f", "/g"));

    const auto after = files.open("/g").value()->facts().value();

    EXPECT_EQ(before.inode, after.inode);
    EXPECT_NE(before.changed_ns, after.changed_ns);
}

TEST(MemoryFiles, RotsWithoutATrace) {
    MemoryFiles files;
    ASSERT_TRUE(write_whole(files, "/f", "a"));
    const auto before = files.open("/f").value()->facts().value();

    files.rot("/f", 1);

    EXPECT_EQ(read_whole(files, "/f", 100).value(), "c");
    EXPECT_EQ(files.open("/f").value()->facts().value(), before);
}

TEST(MemoryFiles, IsFullAtItsCapacity) {
    MemoryFiles files;
    files.set_capacity(3);

    const auto written = write_whole(files, "/f", "abcd");

    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Errc::io);
    EXPECT_TRUE(files.all_files().empty());
}

TEST(MemoryFiles, HasTheErrorsOfARealOne) {
    MemoryFiles files;
    ASSERT_TRUE(files.make_directories("/d/e"));
    ASSERT_TRUE(files.create("/d/f"));

    EXPECT_EQ(files.create("/d/f").error().code, Errc::conflict);
    EXPECT_EQ(files.create("/x/f").error().code, Errc::not_found);
    EXPECT_EQ(files.remove("/d").error().code, Errc::io);
    EXPECT_EQ(files.rename("/d/f", "/x/f").error().code, Errc::not_found);
    EXPECT_EQ(files.list("/x").error().code, Errc::not_found);
    EXPECT_TRUE(files.remove("/d/e"));
}

TEST(WriteWhole, IsOldOrNewAtEveryFailureAndEveryPowerLoss) {
    for (const auto how : {PowerLoss::all_unsynced, PowerLoss::unsynced_data, PowerLoss::random}) {
        for (std::uint64_t number = 1;; ++number) {
            MemoryFiles memory;
            FaultyFiles files{memory};
            ASSERT_TRUE(write_whole(memory, "/f", "old"));
            files.fail_from(number, EIO);
            const bool written = write_whole(files, "/f", "new").has_value();
            memory.lose_power(how, static_cast<std::uint32_t>(number));

            const auto content = read_whole(memory, "/f", 100).value();

            EXPECT_TRUE(content == "new" || (content == "old" && !written)) << number << content;
            if (files.failed() == 0) break;
        }
    }
}

TEST(FaultyFiles, FailsTheChosenCallOnly) {
    MemoryFiles memory;
    FaultyFiles files{memory};
    files.fail_call(2, ENOSPC);

    const auto file = files.create("/f").value();
    const auto first = file->write_at(0, bytes_of("abcd"));
    const auto second = file->write_at(0, bytes_of("abcd"));

    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().where, "/f write: No space left on device");
    EXPECT_TRUE(second);
    EXPECT_EQ(files.calls(), 3U);
    EXPECT_EQ(files.failed(), 1U);
}

}  // namespace
}  // namespace longshore::testing

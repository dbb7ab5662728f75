#include "telemetry/memory.hpp"

#include "base/testing/memory_files.hpp"

#include <gtest/gtest.h>

namespace longshore::telemetry {
namespace {

using testing::MemoryFiles;

void write(MemoryFiles& files, const std::string& path, std::string_view text) {
    const auto slash = path.rfind('/');
    ASSERT_TRUE(files.make_directories(path.substr(0, slash)));
    auto file = files.create(path);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write_at(0, std::as_bytes(std::span{text})));
}

TEST(MemoryGroup, FindsTheGroupOfEitherVersion) {
    const auto unified = MemoryGroup::parse("0::/system.slice/longshore.service\n");
    ASSERT_TRUE(unified);
    EXPECT_TRUE(unified->version2);
    EXPECT_EQ(unified->directory, "/sys/fs/cgroup/system.slice/longshore.service");
    const auto first = MemoryGroup::parse("9:cpu,cpuacct:/\n4:hugetlb,memory:/docker/abc\n0::/\n");
    ASSERT_TRUE(first);
    EXPECT_FALSE(first->version2);
    EXPECT_EQ(first->directory, "/sys/fs/cgroup/memory/docker/abc");
    EXPECT_EQ(MemoryGroup::parse("0::/\n")->directory, "/sys/fs/cgroup");
    EXPECT_FALSE(MemoryGroup::parse("1:name=systemd:/\nnothing\n"));
}

TEST(MemoryUse, CountsWhatTheKernelCannotTakeBackFromTheGroup) {
    MemoryFiles files;
    write(files, "/proc/self/cgroup", "0::/box\n");
    write(files, "/sys/fs/cgroup/box/memory.max", "1000000\n");
    write(files, "/sys/fs/cgroup/box/memory.current", "950000\n");
    write(files, "/sys/fs/cgroup/box/memory.stat", "anon 1\ninactive_file 100000\nactive_file 50000\nfile 7\n");
    const auto reading = MemoryUse{files, 0}.read();
    ASSERT_TRUE(reading);
    EXPECT_EQ(reading->used, 800'000);
    EXPECT_EQ(reading->limit, 1'000'000);
    EXPECT_EQ(pressure_of(reading), http::Pressure::fetches);
}

TEST(MemoryUse, FindsAFirstVersionGroupMountedAsTheRoot) {
    MemoryFiles files;
    write(files, "/proc/self/cgroup", "4:memory:/docker/abc\n");
    write(files, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n");
    write(files, "/sys/fs/cgroup/memory/memory.usage_in_bytes", "990\n");
    write(files, "/sys/fs/cgroup/memory/memory.stat",
          "inactive_file 900\ntotal_inactive_file 30\ntotal_active_file 9\n");
    EXPECT_EQ(pressure_of(MemoryUse{files, 0}.read()), http::Pressure::connections);
}

TEST(MemoryUse, TakesTheFullerOfTwoLimits) {
    MemoryFiles files;
    write(files, "/proc/self/cgroup", "0::/box\n");
    write(files, "/sys/fs/cgroup/box/memory.max", "max\n");
    write(files, "/proc/self/statm", "900 100 40 1 0 80 0\n");
    EXPECT_FALSE((MemoryUse{files, 0}.read()));
    const auto reading = MemoryUse{files, 60 * 4096}.read();
    ASSERT_TRUE(reading);
    EXPECT_EQ(reading->used, 60 * 4096);
}

TEST(Pressure, RisesWithTheShare) {
    EXPECT_EQ(pressure_of(std::nullopt), http::Pressure::none);
    EXPECT_EQ(pressure_of(MemoryReading{79, 100}), http::Pressure::none);
    EXPECT_EQ(pressure_of(MemoryReading{85, 100}), http::Pressure::fetches);
    EXPECT_EQ(pressure_of(MemoryReading{90, 100}), http::Pressure::requests);
    EXPECT_EQ(pressure_of(MemoryReading{200, 100}), http::Pressure::connections);
}

}  // namespace
}  // namespace longshore::telemetry

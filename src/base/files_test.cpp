#include "base/files.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <array>
#include <filesystem>

namespace longshore {
namespace {

class SystemFilesTest : public ::testing::Test {
protected:
    SystemFilesTest() { std::filesystem::create_directories(directory_); }
    ~SystemFilesTest() override { std::filesystem::remove_all(directory_); }

    const std::string directory_ = ::testing::TempDir() + "longshore-files-" + std::to_string(::getpid());
    const std::string path_ = directory_ + "/file";
};

TEST_F(SystemFilesTest, WritesMorePartsThanOneCallTakes) {
    std::vector<std::string> texts;
    std::string all = "head";
    for (int i = 0; i < 200; ++i) all += texts.emplace_back(std::to_string(i));
    std::vector<std::span<const std::byte>> parts;
    for (const auto& text : texts) parts.push_back(std::as_bytes(std::span{text}));
    const auto file = system_files().create(path_).value();

    ASSERT_TRUE(file->write_at(0, std::as_bytes(std::span{std::string_view{"head"}})));
    ASSERT_TRUE(file->write_parts_at(4, parts));

    EXPECT_EQ(read_whole(system_files(), path_, 1 << 20).value(), all);
}

TEST_F(SystemFilesTest, PartsThatCannotBeWrittenAreAnErrorNamingTheFile) {
    ASSERT_TRUE(write_whole(system_files(), path_, "text"));
    const auto read_only = system_files().open(path_).value();
    const std::array parts{std::as_bytes(std::span{std::string_view{"a"}})};

    const auto wrote = read_only->write_parts_at(0, parts);

    ASSERT_FALSE(wrote);
    EXPECT_NE(to_string(wrote.error()).find(path_), std::string::npos);
    EXPECT_EQ(read_whole(system_files(), path_, 100).value(), "text");
}

}  // namespace
}  // namespace longshore

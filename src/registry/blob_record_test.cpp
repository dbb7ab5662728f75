#include "registry/blob_record.hpp"

#include "registry/sealed.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

Voucher voucher(std::string_view upstream, std::string_view repository) {
    return {std::string{upstream}, RepositoryName::parse(repository).value()};
}

TEST(BlobRecord, IsReadAsItWasWritten) {
    BlobRecord record{{UINT64_MAX, 42, INT64_MAX, INT64_MIN}, {}};
    record.add(voucher("docker", "library/alpine"));
    record.add(voucher("quay", "a/b/c"));

    const auto parsed = BlobRecord::parse(record.to_text());

    ASSERT_TRUE(parsed) << to_string(parsed.error());
    EXPECT_EQ(parsed->facts, record.facts);
    EXPECT_EQ(parsed->vouchers, record.vouchers);
}

TEST(BlobRecord, KnowsWhoVouches) {
    BlobRecord record;
    record.add(voucher("docker", "library/alpine"));

    EXPECT_TRUE(record.vouched("docker", RepositoryName::parse("library/alpine").value()));
    EXPECT_FALSE(record.vouched("quay", RepositoryName::parse("library/alpine").value()));
    EXPECT_FALSE(record.vouched("docker", RepositoryName::parse("library/alpin").value()));
}

TEST(BlobRecord, KeepsEachVoucherOnceAndDropsTheOldest) {
    BlobRecord record;
    EXPECT_TRUE(record.add(voucher("docker", "r0")));
    EXPECT_FALSE(record.add(voucher("docker", "r0")));
    for (std::size_t i = 1; i <= BlobRecord::k_most_vouchers; ++i)
        record.add(voucher("docker", "r" + std::to_string(i)));

    EXPECT_EQ(record.vouchers.size(), BlobRecord::k_most_vouchers);
    EXPECT_FALSE(record.vouched("docker", RepositoryName::parse("r0").value()));
    EXPECT_TRUE(record.vouched("docker", RepositoryName::parse("r1").value()));
    EXPECT_TRUE(BlobRecord::parse(record.to_text()));
}

TEST(BlobRecord, OfTheLargestKindCanBeReadBack) {
    BlobRecord record;
    for (std::size_t i = 0; i < BlobRecord::k_most_vouchers; ++i) {
        auto name = std::to_string(i);
        name.append(RepositoryName::k_longest - name.size(), 'x');
        record.add(voucher(std::string(63, 'u'), name));
    }

    const auto text = record.to_text();

    EXPECT_LE(text.size(), BlobRecord::k_largest);
    EXPECT_EQ(BlobRecord::parse(text)->vouchers.size(), BlobRecord::k_most_vouchers);
}

TEST(BlobRecord, IsCorruptWhenAnythingIsMissingOrWrong) {
    const std::string facts = R"("size":1,"inode":2,"mtime_ns":3,"ctime_ns":4)";
    ASSERT_TRUE(BlobRecord::parse(seal(R"({"format":1,)" + facts + R"(,"vouchers":[["a","b"]],"later":{}})")));
    for (const auto& line :
         {std::string{}, std::string{"[]"}, std::string{"{}"}, R"({"format":2,)" + facts + R"(,"vouchers":[]})",
          R"({"format":1,)" + facts + "}", R"({"format":1,)" + facts + R"(,"vouchers":{}})",
          R"({"format":1,)" + facts + R"(,"vouchers":[["a"]]})",
          R"({"format":1,)" + facts + R"(,"vouchers":[["a","../b"]]})",
          R"({"format":1,)" + facts + R"(,"vouchers":[["","b"]]})",
          R"({"format":1,)" + facts + R"(,"vouchers":[["a",1]]})",
          std::string{R"({"format":1,"size":-1,"inode":2,"mtime_ns":3,"ctime_ns":4,"vouchers":[]})"}}) {
        const auto record = BlobRecord::parse(seal(line));
        ASSERT_FALSE(record) << line;
        EXPECT_EQ(record.error().code, Errc::corrupt);
    }
    EXPECT_FALSE(BlobRecord::parse(BlobRecord{}.to_text() + "x"));
    EXPECT_FALSE(BlobRecord::parse(""));
    EXPECT_FALSE(BlobRecord::parse(std::string(4096, '\0')));
}

}  // namespace
}  // namespace longshore::registry

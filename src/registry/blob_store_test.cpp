#include "registry/blob_store.hpp"

#include "registry/testing/store_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <thread>

namespace longshore::registry {
namespace {

using testing::bytes_of;
using testing::digest_of;
using testing::name;
using testing::StoreWorld;
using testing::voucher;

TEST(BlobStore, GivesBackWhatWasCommitted) {
    StoreWorld world;

    ASSERT_TRUE(world.put("layer", {voucher("a")}));

    const auto blob = world.blobs->open(digest_of("layer"));
    ASSERT_TRUE(blob);
    EXPECT_EQ(world.content(digest_of("layer")), "layer");
    EXPECT_TRUE(blob->unchanged);
    EXPECT_TRUE(blob->record->vouched("docker", name("a")));
    EXPECT_FALSE(blob->record->vouched("docker", name("b")));
}

TEST(BlobStore, KeepsAnEmptyBlob) {
    StoreWorld world;

    ASSERT_TRUE(world.put(""));

    EXPECT_EQ(world.content(digest_of("")), "");
    EXPECT_TRUE(world.blobs->open(digest_of(""))->unchanged);
}

TEST(BlobStore, HasNothingThatWasNotCommitted) {
    StoreWorld world;
    {
        auto writer = world.blobs->begin(digest_of("x"), std::nullopt).value();
        ASSERT_TRUE(writer.append(bytes_of("x")));
        EXPECT_EQ(world.blobs->open(digest_of("x")).error().code, Errc::not_found);
    }

    EXPECT_EQ(world.blobs->open(digest_of("x")).error().code, Errc::not_found);
    EXPECT_FALSE(world.has_staged_files());
}

TEST(BlobStore, LetsReadersFollowAGrowingFileBeyondItsCommit) {
    StoreWorld world;
    auto writer = world.blobs->begin(digest_of("abcd"), 4).value();
    const auto reader = writer.file();
    std::string seen(4, '.');
    const auto read = [&] { return reader->read_at(0, std::as_writable_bytes(std::span{seen})).value(); };

    ASSERT_TRUE(writer.append(bytes_of("ab")));
    EXPECT_EQ(read(), 2U);
    ASSERT_TRUE(writer.append(bytes_of("cd")));
    ASSERT_TRUE(writer.commit(digest_of("abcd"), {}));

    EXPECT_EQ(read(), 4U);
    EXPECT_EQ(seen, "abcd");
}

TEST(BlobStore, RefusesOtherBytesAndLeavesNoTrace) {
    StoreWorld world;
    const auto before = world.memory.all_files();
    auto wrong = world.blobs->begin(digest_of("right"), std::nullopt).value();
    ASSERT_TRUE(wrong.append(bytes_of("wrong")));
    auto short_one = world.blobs->begin(digest_of("right"), 5).value();
    ASSERT_TRUE(short_one.append(bytes_of("rig")));

    EXPECT_EQ(wrong.commit(digest_of("wrong"), {}).error().code, Errc::corrupt);
    EXPECT_EQ(short_one.commit(digest_of("right"), {}).error().code, Errc::corrupt);

    EXPECT_EQ(world.memory.all_files(), before);
}

TEST(BlobStore, RefusesMoreBytesThanWereAnnounced) {
    StoreWorld world;
    auto writer = world.blobs->begin(digest_of("abc"), 3).value();
    ASSERT_TRUE(writer.append(bytes_of("ab")));

    EXPECT_EQ(writer.append(bytes_of("cd")).error().code, Errc::too_large);
    EXPECT_TRUE(writer.append(bytes_of("c")));
    EXPECT_TRUE(writer.commit(digest_of("abc"), {}));
}

TEST(BlobStore, StoresSha256Only) {
    StoreWorld world;
    const auto sha512 = Digest::parse("sha512:" + std::string(128, 'a')).value();

    EXPECT_EQ(world.blobs->open(sha512).error().code, Errc::unsupported);
    EXPECT_EQ(world.blobs->begin(sha512, 1).error().code, Errc::unsupported);
    EXPECT_EQ(world.blobs->vouch(sha512, voucher("a")).error().code, Errc::unsupported);
    EXPECT_EQ(world.blobs->confirm(sha512, {}).error().code, Errc::unsupported);
    EXPECT_EQ(world.blobs->drop(sha512, {}).error().code, Errc::unsupported);
}

TEST(BlobStore, AddsVouchersWithoutTouchingTheData) {
    StoreWorld world;
    const auto first = world.put("x", {voucher("a")}).value();

    ASSERT_TRUE(world.blobs->vouch(digest_of("x"), voucher("b")));

    const auto blob = world.blobs->open(digest_of("x")).value();
    EXPECT_EQ(blob.facts, first.facts);
    EXPECT_TRUE(blob.unchanged);
    EXPECT_TRUE(blob.record->vouched("docker", name("a")));
    EXPECT_TRUE(blob.record->vouched("docker", name("b")));
    EXPECT_EQ(world.blobs->vouch(digest_of("y"), voucher("b")).error().code, Errc::not_found);
}

TEST(BlobStore, KeepsTheFileAndTheVouchersWhenABlobComesTwice) {
    StoreWorld world;
    const auto first = world.put("x", {voucher("a")}).value();

    const auto second = world.put("x", {voucher("b")}).value();

    EXPECT_EQ(second.facts, first.facts);
    EXPECT_TRUE(second.unchanged);
    EXPECT_EQ(world.blobs->open(digest_of("x"))->record->vouchers.size(), 2U);
    EXPECT_FALSE(world.has_staged_files());
}

TEST(BlobStore, ReplacesAFileThatChanged) {
    StoreWorld world;
    ASSERT_TRUE(world.put("xyz", {voucher("a")}));
    ASSERT_TRUE(world.memory.open(world.data_path(digest_of("xyz"))).value()->write_at(0, bytes_of("?")));
    EXPECT_FALSE(world.blobs->open(digest_of("xyz"))->unchanged);

    ASSERT_TRUE(world.put("xyz", {voucher("b")}));

    EXPECT_EQ(world.content(digest_of("xyz")), "xyz");
    const auto blob = world.blobs->open(digest_of("xyz")).value();
    EXPECT_TRUE(blob.unchanged);
    EXPECT_EQ(blob.record->vouchers.size(), 2U);
}

TEST(BlobStore, TrustsNoBlobWithoutARecord) {
    for (const std::string_view garbage : {"", "{}", "\0\0\0\0"}) {
        StoreWorld world;
        ASSERT_TRUE(world.put("x", {voucher("a")}));
        ASSERT_TRUE(write_whole(world.memory, world.record_path(digest_of("x")), garbage));

        const auto blob = world.blobs->open(digest_of("x")).value();

        EXPECT_FALSE(blob.unchanged);
        EXPECT_FALSE(blob.record);
    }
}

TEST(BlobStore, TrustsABlobAgainAfterItWasConfirmed) {
    StoreWorld world;
    ASSERT_TRUE(world.put("x", {voucher("a")}));
    ASSERT_TRUE(world.memory.remove(world.record_path(digest_of("x"))));
    const auto unverified = world.blobs->open(digest_of("x")).value();
    ASSERT_FALSE(unverified.unchanged);

    ASSERT_TRUE(world.blobs->confirm(digest_of("x"), unverified.facts));

    const auto blob = world.blobs->open(digest_of("x")).value();
    EXPECT_TRUE(blob.unchanged);
    EXPECT_TRUE(blob.record->vouchers.empty());
}

TEST(BlobStore, DoesNotTrustABlobThatIsOnlyVouchedFor) {
    StoreWorld world;
    ASSERT_TRUE(world.put("x"));
    ASSERT_TRUE(world.memory.remove(world.record_path(digest_of("x"))));

    ASSERT_TRUE(world.blobs->vouch(digest_of("x"), voucher("a")));

    const auto blob = world.blobs->open(digest_of("x")).value();
    EXPECT_FALSE(blob.unchanged);
    EXPECT_TRUE(blob.record->vouched("docker", name("a")));
}

TEST(BlobStore, DropsTheFileThatWasSeenAndNoOther) {
    StoreWorld world;
    const auto seen = world.put("xyz").value();
    ASSERT_TRUE(world.memory.open(world.data_path(digest_of("xyz"))).value()->write_at(0, bytes_of("?")));
    ASSERT_TRUE(world.put("xyz"));

    ASSERT_TRUE(world.blobs->drop(digest_of("xyz"), seen.facts));
    EXPECT_EQ(world.content(digest_of("xyz")), "xyz");

    ASSERT_TRUE(world.blobs->drop(digest_of("xyz"), world.blobs->open(digest_of("xyz"))->facts));
    EXPECT_EQ(world.blobs->open(digest_of("xyz")).error().code, Errc::not_found);
    EXPECT_TRUE(world.memory.all_files().empty());
}

TEST(BlobStore, DropsAFileThatDoesNotOpen) {
    for (const int error : {EIO, EACCES}) {
        StoreWorld world;
        ASSERT_TRUE(world.put("x"));
        world.files.fail_call(1, error);

        EXPECT_TRUE(world.blobs->drop(digest_of("x"), {}).value());

        EXPECT_EQ(world.blobs->open(digest_of("x")).error().code, Errc::not_found);
    }
}

TEST(BlobStore, DropsNoFileThatOnlyTheProcessCannotOpenNow) {
    StoreWorld world;
    ASSERT_TRUE(world.put("x"));
    world.files.fail_call(1, EMFILE);

    EXPECT_EQ(world.blobs->drop(digest_of("x"), {}).error().code, Errc::overloaded);
    EXPECT_FALSE(world.blobs->drop(digest_of("x"), {}).value()) << "it opens";

    EXPECT_TRUE(world.blobs->open(digest_of("x"))->unchanged);
}

TEST(BlobStore, LetsOpenReadersFinishADroppedBlob) {
    StoreWorld world;
    const auto blob = world.put("xyz").value();

    ASSERT_TRUE(world.blobs->drop(digest_of("xyz"), blob.facts));

    std::string text(3, '.');
    EXPECT_EQ(blob.file->read_at(0, std::as_writable_bytes(std::span{text})).value(), 3U);
    EXPECT_EQ(text, "xyz");
}

TEST(BlobStore, RemovesLeftoversOfItsOwnAtStartAndNothingElse) {
    StoreWorld world;
    ASSERT_TRUE(write_whole(world.memory, "/data/tmp/staged-0123-7", "left"));
    ASSERT_TRUE(write_whole(world.memory, "/data/tmp/somebody-elses", "kept"));

    ASSERT_TRUE(world.restart());

    EXPECT_EQ(world.memory.all_files(), std::vector<std::string>{"/data/tmp/somebody-elses"});
}

TEST(BlobStore, LooksAtNoBlobWhenItIsOpened) {
    StoreWorld empty;
    const auto calls_before = empty.files.calls();
    ASSERT_TRUE(empty.restart());
    const auto calls_when_empty = empty.files.calls() - calls_before;
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(empty.put(std::to_string(i)));

    const auto calls_between = empty.files.calls();
    ASSERT_TRUE(empty.restart());

    EXPECT_EQ(empty.files.calls() - calls_between, calls_when_empty);
}

TEST(BlobStore, ListsAShardInOrder) {
    StoreWorld world;
    std::vector<Digest> expected;
    for (int i = 0; i < 2000; ++i) {
        const auto text = std::to_string(i);
        if (!digest_of(text).hex().starts_with("a7")) continue;
        ASSERT_TRUE(world.put(text));
        expected.push_back(digest_of(text));
    }
    std::ranges::sort(expected);

    EXPECT_GT(expected.size(), 1U);
    EXPECT_EQ(world.blobs->shard(0xa7).value(), expected);
}

TEST(BlobStore, SaysWhichFileWhenTheDiskIsFull) {
    StoreWorld world;
    world.memory.set_capacity(3);

    const auto stored = world.put("more than three bytes");

    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().code, Errc::io);
    EXPECT_NE(stored.error().where.find("/data/tmp/staged-"), std::string::npos);
    EXPECT_FALSE(world.has_staged_files());
}

// Several threads vouch for and read one blob: no voucher is lost, no record is ever torn.
TEST(BlobStore, KeepsEveryVoucherOfManyThreads) {
    StoreWorld world;
    ASSERT_TRUE(world.put("x"));
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&world, t] {
                for (int i = 0; i < 25; ++i) {
                    EXPECT_TRUE(
                        world.blobs->vouch(digest_of("x"), voucher(std::to_string(t) + "/" + std::to_string(i))));
                    EXPECT_TRUE(world.blobs->open(digest_of("x"))->unchanged);
                }
            });
        }
    }

    EXPECT_EQ(world.blobs->open(digest_of("x"))->record->vouchers.size(), 100U);
}

class BlobStoreOnDisk : public ::testing::Test {
protected:
    BlobStoreOnDisk() {
        std::string pattern = (std::filesystem::temp_directory_path() / "longshore-XXXXXX").string();
        root_ = ::mkdtemp(pattern.data());
        reopen();
    }
    ~BlobStoreOnDisk() override { std::filesystem::remove_all(root_); }

    void reopen() {
        store_.reset();
        staging_ = Staging::open(system_files(), root_ + "/tmp").value();
        store_ = BlobStore::open_store(system_files(), *staging_, root_).value();
    }
    void put(std::string_view text) {
        auto writer = store_->begin(digest_of(text), text.size()).value();
        ASSERT_TRUE(writer.append(bytes_of(text)));
        ASSERT_TRUE(writer.commit(digest_of(text), {}));
    }
    std::string data_path(std::string_view text) const {
        const std::string hex{digest_of(text).hex()};
        return root_ + "/blobs/sha256/" + hex.substr(0, 2) + "/" + hex + "/data";
    }

    std::string root_;
    std::unique_ptr<Staging> staging_;
    std::unique_ptr<BlobStore> store_;
};

TEST_F(BlobStoreOnDisk, FindsBlobsUnchangedAfterARestart) {
    put("layer");
    put("");

    reopen();

    EXPECT_TRUE(store_->open(digest_of("layer"))->unchanged);
    EXPECT_TRUE(store_->open(digest_of(""))->unchanged);
}

TEST_F(BlobStoreOnDisk, NoticesAFlippedBitATruncationAndAReplacement) {
    for (const auto* text : {"flipped", "truncated", "replaced"}) put(text);
    {
        const std::unique_ptr<FILE, int (*)(FILE*)> file{std::fopen(data_path("flipped").c_str(), "r+"), std::fclose};
        ASSERT_NE(file, nullptr);
        std::fputc('F', file.get());
    }
    std::filesystem::resize_file(data_path("truncated"), 3);
    std::filesystem::copy_file(data_path("replaced"), root_ + "/copy");
    std::filesystem::rename(root_ + "/copy", data_path("replaced"));

    for (const auto* text : {"flipped", "truncated", "replaced"}) {
        EXPECT_FALSE(store_->open(digest_of(text))->unchanged) << text;
    }
}

TEST_F(BlobStoreOnDisk, LeavesNothingOfADroppedBlob) {
    put("x");

    ASSERT_TRUE(store_->drop(digest_of("x"), store_->open(digest_of("x"))->facts));

    EXPECT_FALSE(std::filesystem::exists(std::filesystem::path{data_path("x")}.parent_path()));
}

}  // namespace
}  // namespace longshore::registry

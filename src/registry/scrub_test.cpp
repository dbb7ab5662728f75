#include "registry/scrub.hpp"

#include "registry/testing/store_world.hpp"

#include <gtest/gtest.h>

namespace longshore::registry {
namespace {

using namespace std::chrono_literals;
using testing::digest_of;
using testing::StoreWorld;

constexpr Deadline k_start{};

// Steps a second at a time until a round has ended.
ScrubReport whole_round(Scrub& scrub, Deadline& now) {
    ScrubReport all;
    while (!all.round_ended) {
        now += 1s;
        auto report = scrub.step(now).value();
        all.bytes += report.bytes;
        all.blobs += report.blobs;
        std::ranges::move(report.rotten, std::back_inserter(all.rotten));
        all.round_ended = report.round_ended;
    }
    return all;
}

TEST(Scrub, FindsRotThatLeavesNoTrace) {
    StoreWorld world;
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(world.put("blob " + std::to_string(i)));
    const auto victim = digest_of("blob 17");
    world.memory.rot(world.data_path(victim), 5);
    ASSERT_TRUE(world.blobs->open(victim)->unchanged);
    Deadline now = k_start;
    Scrub scrub{*world.blobs, 1'000'000, now};

    const auto report = whole_round(scrub, now);

    EXPECT_EQ(report.blobs, 50U);
    ASSERT_EQ(report.rotten.size(), 1U);
    EXPECT_EQ(report.rotten[0].digest, victim);
    ASSERT_TRUE(world.blobs->drop(report.rotten[0].digest, report.rotten[0].facts));
    EXPECT_EQ(world.blobs->open(victim).error().code, Errc::not_found);
    EXPECT_TRUE(whole_round(scrub, now).rotten.empty());
}

TEST(Scrub, ReadsNoFasterThanItMay) {
    StoreWorld world;
    ASSERT_TRUE(world.put(std::string(100'000, 'x')));
    Scrub scrub{*world.blobs, 10'000, k_start};

    EXPECT_EQ(scrub.step(k_start)->bytes, 0U);
    EXPECT_LE(scrub.step(k_start + 500ms)->bytes, 5'000U);
    EXPECT_EQ(scrub.step(k_start + 500ms)->bytes, 0U);
    EXPECT_LE(scrub.step(k_start + 1h)->bytes, 10'000U);
    EXPECT_EQ(scrub.step(k_start)->bytes, 0U);
}

TEST(Scrub, EarnsItsRateFromManySmallSteps) {
    StoreWorld world;
    ASSERT_TRUE(world.put(std::string(100'000, 'x')));
    Scrub scrub{*world.blobs, 10'000, k_start};
    std::uint64_t bytes = 0;

    for (auto now = k_start; now <= k_start + 2s; now += 10us) bytes += scrub.step(now)->bytes;

    EXPECT_GT(bytes, 14'000U);  // opening the blob costs some
    EXPECT_LE(bytes, 20'000U);
}

TEST(Scrub, ConfirmsABlobThatIsRightAndHasNoRecord) {
    StoreWorld world;
    ASSERT_TRUE(world.put("x"));
    ASSERT_TRUE(world.memory.remove(world.record_path(digest_of("x"))));
    Deadline now = k_start;
    Scrub scrub{*world.blobs, 1'000'000, now};

    EXPECT_TRUE(whole_round(scrub, now).rotten.empty());

    EXPECT_TRUE(world.blobs->open(digest_of("x"))->unchanged);
}

TEST(Scrub, ReportsABlobThatCannotBeRead) {
    StoreWorld world;
    ASSERT_TRUE(world.put("xyz"));
    Deadline now = k_start;
    bool reported = false;
    for (std::uint64_t number = 1; !reported; ++number) {
        ASSERT_LT(number, 1000U);
        Scrub scrub{*world.blobs, 1'000'000, now};
        world.files.fail_call(number, EIO);
        const auto report = scrub.step(now += 1s);
        world.files.heal();
        reported = report && !report->rotten.empty() && report->rotten[0].facts.size == 3;
    }

    EXPECT_TRUE(reported);
}

TEST(Scrub, RemovesWhatIsLeftOfABlobWithoutData) {
    StoreWorld world;
    ASSERT_TRUE(world.put("x"));
    ASSERT_TRUE(world.memory.remove(world.data_path(digest_of("x"))));
    Deadline now = k_start;
    Scrub scrub{*world.blobs, 1'000'000, now};

    EXPECT_TRUE(whole_round(scrub, now).rotten.empty());

    EXPECT_TRUE(world.memory.all_files().empty());
}

TEST(Scrub, GoesOnWhereItsCursorStands) {
    StoreWorld world;
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(world.put("blob " + std::to_string(i)));
    Deadline now = k_start;
    std::uint64_t seen = 0;
    std::string cursor;
    {
        Scrub first{*world.blobs, 50'000, now};
        while (seen < 10) seen += first.step(now += 1s)->blobs;
        cursor = first.cursor();
    }
    Scrub second{*world.blobs, 50'000, now, cursor};

    const auto rest = whole_round(second, now);

    EXPECT_EQ(seen + rest.blobs, 30U);
    EXPECT_EQ(second.cursor(), "");
    EXPECT_EQ(whole_round(second, now).blobs, 30U);
}

TEST(Scrub, StartsAnewWithACursorThatIsNone) {
    StoreWorld world;
    ASSERT_TRUE(world.put("x"));
    Deadline now = k_start;
    Scrub scrub{*world.blobs, 1'000'000, now, "rubbish"};

    EXPECT_EQ(whole_round(scrub, now).blobs, 1U);
}

TEST(Scrub, EndsItsRoundInAnEmptyStore) {
    StoreWorld world;
    Deadline now = k_start;
    Scrub scrub{*world.blobs, 1, now};

    EXPECT_EQ(whole_round(scrub, now).blobs, 0U);
}

TEST(Scrub, SurvivesAFailureAtAnyCallWithoutBlamingAGoodBlobForeverOrLeaking) {
    for (std::uint64_t number = 1;; ++number) {
        StoreWorld world;
        ASSERT_TRUE(world.put("a"));
        ASSERT_TRUE(world.put("b"));
        Deadline now = k_start;
        {
            Scrub scrub{*world.blobs, 1'000'000, now};
            world.files.fail_call(number, EMFILE);
            for (int i = 0; i < 3; ++i) {
                const auto report = scrub.step(now += 1s);
                EXPECT_TRUE(!report || report->rotten.empty()) << number;
            }
        }
        const bool reached = world.files.failed() != 0;
        world.files.heal();
        EXPECT_EQ(world.memory.open_files(), 0U) << number;
        EXPECT_TRUE(world.blobs->open(digest_of("a"))->unchanged) << number;
        if (!reached) break;
    }
}

}  // namespace
}  // namespace longshore::registry

// What the stores owe when calls fail, processes die and power goes: every operation, at every call.

#include "registry/testing/store_world.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <set>

namespace longshore::registry {
namespace {

using longshore::testing::PowerLoss;
using testing::bytes_of;
using testing::digest_of;
using testing::name;
using testing::StoreWorld;
using testing::voucher;

const ManifestPlace k_place{"docker", name("library/alpine")};
const std::string k_bystander = "a blob that is not part of it";
const std::string k_layer = "the layer in question";
const Manifest k_manifest{digest_of("{}"), "application/json", "{}"};
const Manifest k_second_manifest{digest_of("[]"), "application/json", "[]"};

TagEntry entry(std::string_view bytes, int checked_ms) {
    return {digest_of(bytes), "a/b", bytes.size(), WallTime{std::chrono::milliseconds{1}},
            WallTime{std::chrono::milliseconds{checked_ms}}};
}

Tag latest() { return Tag::parse("latest").value(); }

// Without its path, which differs from run to run.
using Outcome = std::optional<Error>;
template <class T>
Outcome outcome(const Result<T>& result) {
    return result ? Outcome{} : result.error();
}

struct Scenario {
    std::string_view what;
    std::function<void(StoreWorld&)> prepare;
    std::function<Outcome(StoreWorld&)> act;
    bool durable = true;  // when it has succeeded, a power loss does not undo it
};

void nothing(StoreWorld&) {}
void put_layer(StoreWorld& world) { ASSERT_TRUE(world.put(k_layer, {voucher("a")})); }
void put_rotten_layer(StoreWorld& world) {
    put_layer(world);
    const auto file = world.memory.open(world.data_path(digest_of(k_layer))).value();
    ASSERT_TRUE(file->write_at(0, bytes_of(k_layer)));  // the same bytes, but not the same facts
    ASSERT_TRUE(file->sync());
}
void put_tag(StoreWorld& world) { ASSERT_TRUE(world.manifests->put_tag(k_place, latest(), entry("old", 1))); }

const std::vector<Scenario> k_scenarios{
    {"a new blob", nothing, [](StoreWorld& world) { return outcome(world.put(k_layer, {voucher("a")})); }},
    {"an empty blob", nothing, [](StoreWorld& world) { return outcome(world.put("", {voucher("a")})); }},
    {"a blob that is there", put_layer, [](StoreWorld& world) { return outcome(world.put(k_layer, {voucher("b")})); },
     false},
    {"a blob that changed", put_rotten_layer,
     [](StoreWorld& world) { return outcome(world.put(k_layer, {voucher("b")})); }},
    {"a voucher", put_layer,
     [](StoreWorld& world) { return outcome(world.blobs->vouch(digest_of(k_layer), voucher("b"))); }, false},
    {"a confirmation", put_rotten_layer,
     [](StoreWorld& world) {
         const auto blob = world.blobs->open(digest_of(k_layer));
         return blob ? outcome(world.blobs->confirm(digest_of(k_layer), blob->facts)) : blob.error();
     },
     false},
    {"a drop", put_rotten_layer,
     [](StoreWorld& world) {
         const auto blob = world.blobs->open(digest_of(k_layer));
         if (!blob && blob.error().code == Errc::not_found) return Outcome{};
         return blob ? outcome(world.blobs->drop(digest_of(k_layer), blob->facts)) : blob.error();
     }},
    {"a new manifest", nothing,
     [](StoreWorld& world) { return outcome(world.manifests->put_manifest(k_place, k_manifest)); }},
    {"a second manifest", [](StoreWorld& world) { ASSERT_TRUE(world.manifests->put_manifest(k_place, k_manifest)); },
     [](StoreWorld& world) { return outcome(world.manifests->put_manifest(k_place, k_second_manifest)); }},
    {"a new tag", nothing,
     [](StoreWorld& world) { return outcome(world.manifests->put_tag(k_place, latest(), entry("new", 2))); }},
    {"a moved tag", put_tag,
     [](StoreWorld& world) { return outcome(world.manifests->put_tag(k_place, latest(), entry("new", 2))); }},
    {"a checked tag", put_tag,
     [](StoreWorld& world) { return outcome(world.manifests->put_tag(k_place, latest(), entry("old", 2))); }, false},
    {"a restart", put_layer, [](StoreWorld& world) { return outcome(world.restart()); }},
};

std::string blob_state(StoreWorld& world, std::string_view text) {
    const auto blob = world.blobs->open(digest_of(text));
    if (!blob) return "absent";
    std::string state = world.content(digest_of(text)) == text ? "whole" : "WRONG BYTES";
    state += blob->unchanged ? " trusted" : " unverified";
    if (blob->record) {
        for (const auto& known : blob->record->vouchers) state += " " + known.repository.text();
    }
    return state;
}

std::string manifest_state(StoreWorld& world, const Manifest& manifest) {
    const auto found = world.manifests->get_manifest(k_place, manifest.digest);
    return found ? found->bytes + found->media_type : "absent";
}

std::string state_of(StoreWorld& world) {
    auto state = blob_state(world, k_layer) + "; " + blob_state(world, "") + "; " + manifest_state(world, k_manifest) +
                 "; " + manifest_state(world, k_second_manifest);
    const auto tag = world.manifests->get_tag(k_place, latest());
    return state + (tag ? "; " + tag->digest.to_string() + " " + std::to_string(tag->checked.time_since_epoch().count())
                        : "; absent");
}

void prepare(StoreWorld& world, const Scenario& scenario) {
    ASSERT_TRUE(world.put(k_bystander, {voucher("c")}));
    scenario.prepare(world);
}

struct BeforeAndAfter {
    std::string before;
    std::string after;
};

BeforeAndAfter undisturbed(const Scenario& scenario) {
    StoreWorld world;
    prepare(world, scenario);
    BeforeAndAfter states{state_of(world), {}};
    EXPECT_FALSE(scenario.act(world)) << scenario.what;
    states.after = state_of(world);
    return states;
}

TEST(Stores, AreAsBeforeOrAsAfterWhenAnyCallFails) {
    for (const auto& scenario : k_scenarios) {
        const auto [before, after] = undisturbed(scenario);
        for (const int error : {EIO, ENOSPC, EMFILE, EACCES}) {
            for (std::uint64_t number = 1;; ++number) {
                SCOPED_TRACE(std::string{scenario.what} + ", call " + std::to_string(number));
                StoreWorld world;
                prepare(world, scenario);
                world.files.fail_call(number, error);
                const auto failure = scenario.act(world);
                const bool reached = world.files.failed() != 0;
                world.files.heal();
                if (world.blobs == nullptr || world.manifests == nullptr) ASSERT_TRUE(world.restart());

                const auto state = state_of(world);
                EXPECT_TRUE(state == after || (failure && state == before)) << state;
                if (failure) EXPECT_NE(failure->where.find("/data"), std::string::npos) << failure->where;
                // Only a temporary file whose very removal failed may wait for the next start.
                if (world.files.failed_operation() != "remove") EXPECT_FALSE(world.has_staged_files());
                EXPECT_EQ(world.memory.open_files(), 0U);
                EXPECT_EQ(blob_state(world, k_bystander), "whole trusted c");
                EXPECT_FALSE(scenario.act(world)) << "works afterwards";
                ASSERT_TRUE(world.restart());
                EXPECT_FALSE(world.has_staged_files());
                if (!reached) break;
            }
        }
    }
}

// The states a crash may leave: before, after, or the blob in its place with nothing said about it.
bool is_allowed_after_crash(const std::string& state, const BeforeAndAfter& states) {
    if (state == states.before || state == states.after) return true;
    const auto tail = state.substr(state.find(';'));
    const auto head = state.substr(0, state.find(';'));
    const std::set<std::string> unverified{"whole unverified", "whole unverified a", "whole unverified a b"};
    if (unverified.contains(head) && states.after.ends_with(tail)) return true;
    return head == "absent" && tail.starts_with("; whole unverified");  // the empty blob
}

void crash_everywhere(std::optional<PowerLoss> power, std::uint32_t seeds) {
    for (const auto& scenario : k_scenarios) {
        const auto states = undisturbed(scenario);
        for (std::uint64_t number = 1;; ++number) {
            bool reached = false;
            for (std::uint32_t seed = 0; seed < seeds; ++seed) {
                SCOPED_TRACE(std::string{scenario.what} + ", call " + std::to_string(number) + ", seed " +
                             std::to_string(seed));
                StoreWorld world;
                prepare(world, scenario);
                world.files.fail_from(number, EIO);
                const auto failure = scenario.act(world);
                reached = world.files.failed() != 0;
                if (power) world.memory.lose_power(*power, seed);
                world.files.heal();
                ASSERT_TRUE(world.restart());

                const auto state = state_of(world);
                if (!failure && (scenario.durable || !power)) {
                    EXPECT_EQ(state, states.after);
                }
                EXPECT_TRUE(is_allowed_after_crash(state, states)) << state;
                EXPECT_EQ(blob_state(world, k_bystander), "whole trusted c");
                EXPECT_FALSE(world.has_staged_files());
                EXPECT_EQ(world.memory.open_files(), 0U);
                EXPECT_FALSE(scenario.act(world) && blob_state(world, k_layer) != "absent") << "works afterwards";
            }
            if (!reached) break;
        }
    }
}

TEST(Stores, OpenCleanAfterTheProcessDiedAtAnyCall) { crash_everywhere(std::nullopt, 1); }

TEST(Stores, OpenCleanAfterAPowerLossThatTookEverythingUnsynced) { crash_everywhere(PowerLoss::all_unsynced, 1); }

TEST(Stores, OpenCleanAfterAPowerLossThatTookUnsyncedBytes) { crash_everywhere(PowerLoss::unsynced_data, 1); }

TEST(Stores, OpenCleanAfterAPowerLossThatTookWhateverItLiked) { crash_everywhere(PowerLoss::random, 8); }

}  // namespace
}  // namespace longshore::registry

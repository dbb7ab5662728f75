// What a mirror does to its stores, in random order.
#pragma once

#include "world.hpp"

#include <random>
#include <vector>

namespace longshore::power_loss {

inline constexpr unsigned k_items = 4;  // blobs, manifests, tags of each

enum class Act : std::uint8_t {
    put_blob,
    vouch,
    confirm,  // the file's times changed, its bytes did not
    rot,      // on the disk: no act of ours
    drop_blob,
    put_manifest,
    drop_manifest,
    put_tag,
    check_tag,  // the same meaning, looked up again
    drop_tag,
    restart
};

struct Step {
    Act act;
    unsigned item = 0;
    unsigned other = 0;   // the manifest of a tag, the repository of a voucher
    std::int64_t at = 0;  // ms: when
};

std::vector<Step> random_history(std::mt19937& random, std::size_t length);

std::string blob_text(unsigned item);
registry::Manifest manifest_of(unsigned item);
registry::TagEntry tag_entry(const Step& step);
registry::ManifestPlace place();
registry::Tag tag_of(unsigned item);
registry::Voucher voucher_of(unsigned repository);

// What was there to act on counts as done, too.
Result<> take(World& world, const Step& step);

}  // namespace longshore::power_loss

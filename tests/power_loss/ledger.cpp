#include "ledger.hpp"

namespace longshore::power_loss {
namespace {

const std::string k_absent = "absent";
const std::string k_whole = "whole";
const std::string k_rotten = "rotten and known to be";

std::string blob_key(unsigned item) { return "blob " + std::to_string(item); }
std::string manifest_key(unsigned item) { return "manifest " + std::to_string(item); }
std::string tag_key(unsigned item) { return "tag " + std::to_string(item); }

std::string meaning(const registry::TagEntry& entry) { return entry.digest.to_string() + " " + entry.media_type; }

std::string observe_blob(World& world, unsigned item) {
    const auto text = blob_text(item);
    const auto blob = world.stores->blobs->open(Digest::sha256_of(std::as_bytes(std::span{text})));
    if (!blob) return blob.error().code == Errc::not_found ? k_absent : to_string(blob.error());
    std::string bytes(blob->facts.size, '\0');
    const auto got = blob->file->read_at(0, std::as_writable_bytes(std::span{bytes}));
    if (!got) return to_string(got.error());
    if (blob->record) {
        for (const auto& voucher : blob->record->vouchers) {
            if (!voucher.repository.text().starts_with("r")) return "vouched for by " + voucher.repository.text();
        }
    }
    if (bytes == text) return k_whole;
    return blob->unchanged ? "WRONG BYTES, served as they are" : k_rotten;
}

std::string observe_manifest(World& world, unsigned item) {
    const auto wanted = manifest_of(item);
    const auto found = world.stores->manifests->get_manifest(place(), wanted.digest);
    if (!found) return found.error().code == Errc::not_found ? k_absent : to_string(found.error());
    return found->bytes == wanted.bytes && found->media_type == wanted.media_type ? k_whole : "TORN";
}

std::string observe_tag(World& world, unsigned item) {
    const auto found = world.stores->manifests->get_tag(place(), tag_of(item));
    if (!found) return found.error().code == Errc::not_found ? k_absent : to_string(found.error());
    return meaning(*found);
}

}  // namespace

Ledger::Ledger() {
    for (unsigned item = 0; item < k_items; ++item) {
        for (const auto& key : {blob_key(item), manifest_key(item), tag_key(item)}) possible_[key] = {k_absent};
    }
}

void Ledger::begin(const Step& step) {
    switch (step.act) {
        case Act::put_blob:
            possible_[blob_key(step.item)].insert(k_whole);
            break;
        case Act::drop_blob:
            possible_[blob_key(step.item)].insert(k_absent);
            break;
        case Act::rot:
            if (possible_[blob_key(step.item)].contains(k_whole) && !blob_text(step.item).empty()) {
                possible_[blob_key(step.item)].erase(k_whole);
                possible_[blob_key(step.item)].insert(k_rotten);
            }
            break;
        case Act::put_manifest:
            possible_[manifest_key(step.item)].insert(k_whole);
            break;
        case Act::drop_manifest:
            possible_[manifest_key(step.item)].insert(k_absent);
            break;
        case Act::put_tag:
            possible_[tag_key(step.item)].insert(meaning(tag_entry(step)));
            break;
        case Act::drop_tag:
            possible_[tag_key(step.item)].insert(k_absent);
            break;
        case Act::vouch:
        case Act::confirm:
        case Act::check_tag:
        case Act::restart:
            break;
    }
}

void Ledger::end(const Step& step) {
    if (step.act == Act::put_blob) possible_[blob_key(step.item)] = {k_whole};
    if (step.act == Act::drop_blob) possible_[blob_key(step.item)] = {k_absent};
    if (step.act == Act::put_manifest) possible_[manifest_key(step.item)] = {k_whole};
    if (step.act == Act::put_tag) possible_[tag_key(step.item)] = {meaning(tag_entry(step))};
}

void Ledger::settle(const Values& observed) {
    for (const auto& [key, value] : observed) possible_[key] = {value};
}

std::vector<std::string> Ledger::faults(const Values& observed) const {
    std::vector<std::string> faults;
    for (const auto& [key, value] : observed) {
        const auto& possible = possible_.at(key);
        if (possible.contains(value)) continue;
        std::string allowed;
        for (const auto& one : possible) allowed += (allowed.empty() ? "" : " or ") + one;
        faults.push_back(key + " is " + value + ", should be " + allowed);
    }
    return faults;
}

Values observe(World& world) {
    Values values;
    for (unsigned item = 0; item < k_items; ++item) {
        values[blob_key(item)] = observe_blob(world, item);
        values[manifest_key(item)] = observe_manifest(world, item);
        values[tag_key(item)] = observe_tag(world, item);
    }
    return values;
}

}  // namespace longshore::power_loss

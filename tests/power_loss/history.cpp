#include "history.hpp"

#include <array>

namespace longshore::power_loss {
namespace {

constexpr std::array<std::size_t, k_items> k_blob_sizes{0, 1, 900, 20'000};  // bytes

Result<> as_done(Result<> result) {
    if (!result && result.error().code == Errc::not_found) return {};
    return result;
}

Digest blob_digest(unsigned item) {
    const auto text = blob_text(item);
    return Digest::sha256_of(std::as_bytes(std::span{text}));
}

Result<> put_blob(World& world, const Step& step) {
    const auto text = blob_text(step.item);
    const auto bytes = std::as_bytes(std::span{text});
    auto writer = world.stores->blobs->begin(blob_digest(step.item), text.size());
    if (!writer) return writer.error();
    const auto half = bytes.size() / 2;
    if (auto wrote = writer->append(bytes.first(half)); !wrote) return wrote;
    if (auto wrote = writer->append(bytes.subspan(half)); !wrote) return wrote;
    const std::array vouchers{voucher_of(step.other)};
    const auto stored = writer->commit(blob_digest(step.item), vouchers);
    return stored ? Result<>{} : stored.error();
}

// Below the seam: not the program's doing.
void write_over(World& world, const Digest& digest, std::string text) {
    const auto file = world.memory.open(World::data_path(digest));
    if (!file) return;
    (void)(*file)->write_at(0, std::as_bytes(std::span{text}));
    (void)(*file)->sync();
}

Result<> confirm(World& world, const Step& step) {
    const auto digest = blob_digest(step.item);
    const auto blob = world.stores->blobs->open(digest);
    if (!blob) return blob.error();
    std::string bytes(blob->facts.size, '\0');
    const auto got = blob->file->read_at(0, std::as_writable_bytes(std::span{bytes}));
    if (!got) return got.error();
    if (bytes != blob_text(step.item)) return {};
    write_over(world, digest, bytes);
    const auto facts = blob->file->facts();
    if (!facts) return facts.error();
    return world.stores->blobs->confirm(digest, *facts);
}

Result<> drop_blob(World& world, const Step& step) {
    const auto blob = world.stores->blobs->open(blob_digest(step.item));
    if (!blob) return blob.error();
    const auto dropped = world.stores->blobs->drop(blob_digest(step.item), blob->facts);
    return dropped ? Result<>{} : dropped.error();
}

}  // namespace

std::string blob_text(unsigned item) {
    return std::string(k_blob_sizes[item % k_items], static_cast<char>('a' + item));
}

registry::Manifest manifest_of(unsigned item) {
    const auto text = "{\"manifest\": " + std::string(item * 700, '1') + "0}";
    return {Digest::sha256_of(std::as_bytes(std::span{text})), "application/vnd.oci.image.manifest.v1+json", text};
}

registry::TagEntry tag_entry(const Step& step) {
    const auto manifest = manifest_of(step.other);
    const WallTime at{std::chrono::milliseconds{step.at}};
    return {manifest.digest, manifest.media_type, manifest.bytes.size(), at, at};
}

registry::ManifestPlace place() { return {"docker", registry::RepositoryName::parse("library/alpine").value()}; }

registry::Tag tag_of(unsigned item) { return registry::Tag::parse("t" + std::to_string(item)).value(); }

registry::Voucher voucher_of(unsigned repository) {
    return {"docker", registry::RepositoryName::parse("r" + std::to_string(repository)).value()};
}

std::vector<Step> random_history(std::mt19937& random, std::size_t length) {
    // Puts come more often than what undoes them.
    static constexpr std::array k_acts{Act::put_blob,     Act::put_blob,      Act::put_blob,  Act::vouch,
                                       Act::confirm,      Act::rot,           Act::drop_blob, Act::put_manifest,
                                       Act::put_manifest, Act::drop_manifest, Act::put_tag,   Act::put_tag,
                                       Act::check_tag,    Act::drop_tag,      Act::restart};
    std::vector<Step> steps;
    for (std::size_t i = 0; i < length; ++i) {
        const auto act = k_acts[random() % k_acts.size()];
        steps.push_back({act, static_cast<unsigned>(random() % k_items), static_cast<unsigned>(random() % k_items),
                         static_cast<std::int64_t>(i + 1)});
    }
    return steps;
}

Result<> take(World& world, const Step& step) {
    auto& blobs = *world.stores->blobs;
    auto& manifests = *world.stores->manifests;
    switch (step.act) {
        case Act::put_blob:
            return put_blob(world, step);
        case Act::vouch:
            return as_done(blobs.vouch(blob_digest(step.item), voucher_of(step.other)));
        case Act::confirm:
            return as_done(confirm(world, step));
        case Act::rot:
            write_over(world, blob_digest(step.item), std::string(blob_text(step.item).size(), '!'));
            return {};
        case Act::drop_blob:
            return as_done(drop_blob(world, step));
        case Act::put_manifest:
            return manifests.put_manifest(place(), manifest_of(step.item));
        case Act::drop_manifest:
            return manifests.drop_manifest(place(), manifest_of(step.item).digest);
        case Act::put_tag:
            return manifests.put_tag(place(), tag_of(step.item), tag_entry(step));
        case Act::check_tag: {
            auto known = manifests.get_tag(place(), tag_of(step.item));
            if (!known) return as_done(known.error());
            known->checked = WallTime{std::chrono::milliseconds{step.at}};
            return manifests.put_tag(place(), tag_of(step.item), *known);
        }
        case Act::drop_tag:
            return manifests.drop_tag(place(), tag_of(step.item));
        case Act::restart:
            return world.start();
    }
    return {};
}

}  // namespace longshore::power_loss

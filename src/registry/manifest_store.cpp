#include "registry/manifest_store.hpp"

#include "http/fields.hpp"
#include "registry/sealed.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace longshore::registry {
namespace {

namespace json = boost::json;

constexpr std::int64_t k_format = 1;
constexpr std::size_t k_longest_media_type = 255;              // bytes
constexpr std::size_t k_largest_head = std::size_t{4} * 1024;  // bytes

bool missing(const Error& error) { return error.code == Errc::not_found; }

std::string root_in(const std::string& directory) { return directory + "/manifests"; }

Result<> storable(const Digest& digest) {
    if (digest.algorithm() == Digest::Algorithm::sha256) return {};
    return Error{Errc::unsupported, digest.to_string() + ": only sha256 is stored"};
}

Result<> valid_media_type(std::string_view type) {
    if (!type.empty() && type.size() <= k_longest_media_type && http::valid_field_value(type)) return {};
    return Error{Errc::invalid, "media type is empty, longer than 255 characters, or holds control characters"};
}

Error not_stored(const std::string& what) { return {Errc::not_found, what + ": not stored"}; }

Error corrupt(std::string_view why) { return {Errc::corrupt, std::string{why}}; }

template <class Number>
Result<Number> number_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    boost::system::error_code failure;
    const auto number = value == nullptr ? Number{} : value->to_number<Number>(failure);
    if (value == nullptr || failure) return corrupt(key);
    return number;
}

Result<std::string> text_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return corrupt(key);
    return std::string{value->get_string()};
}

Result<json::object> parse_head(std::string_view line) {
    boost::system::error_code failure;
    auto value = json::parse(line, failure);
    if (failure || !value.is_object()) return corrupt("not a JSON object");
    const auto format = number_at<std::int64_t>(value.get_object(), "format");
    if (!format || *format != k_format) return corrupt("another format");
    return std::move(value.get_object());
}

std::string manifest_text(const Manifest& manifest) {
    const json::object head{{"format", k_format}, {"media_type", manifest.media_type}, {"size", manifest.bytes.size()}};
    return seal(json::serialize(head)).append(manifest.bytes);
}

Result<Manifest> parse_manifest(const std::string& text, const Digest& digest) {
    const auto sealed = unseal(text);
    if (!sealed) return sealed.error();
    const auto head = parse_head(sealed->line);
    if (!head) return head.error();
    auto media_type = text_at(*head, "media_type");
    if (!media_type) return media_type.error();
    if (Digest::sha256_of(std::as_bytes(std::span{sealed->rest})) != digest) return corrupt("the bytes do not match");
    return Manifest{digest, std::move(*media_type), std::string{sealed->rest}};
}

std::int64_t to_milliseconds(WallTime time) {
    return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

WallTime from_milliseconds(std::int64_t count) {
    constexpr auto k_most = std::chrono::duration_cast<std::chrono::milliseconds>(WallTime::duration::max()).count();
    return WallTime{std::chrono::milliseconds{std::clamp(count, std::int64_t{0}, k_most)}};
}

std::string tag_text(const TagEntry& entry) {
    const json::object head{{"format", k_format},
                            {"digest", entry.digest.to_string()},
                            {"media_type", entry.media_type},
                            {"size", entry.size},
                            {"fetched_ms", to_milliseconds(entry.fetched)},
                            {"checked_ms", to_milliseconds(entry.checked)}};
    return seal(json::serialize(head));
}

Result<TagEntry> parse_tag(const std::string& text) {
    const auto sealed = unseal(text);
    if (!sealed) return sealed.error();
    const auto head = parse_head(sealed->line);
    if (!head) return head.error();
    const auto digest_text = text_at(*head, "digest");
    if (!digest_text) return digest_text.error();
    auto digest = Digest::parse(*digest_text);
    auto media_type = text_at(*head, "media_type");
    const auto size = number_at<std::uint64_t>(*head, "size");
    const auto fetched = number_at<std::int64_t>(*head, "fetched_ms");
    const auto checked = number_at<std::int64_t>(*head, "checked_ms");
    if (!digest || !media_type || !size || !fetched || !checked) return corrupt("a member is missing");
    return TagEntry{std::move(*digest), std::move(*media_type), *size, from_milliseconds(*fetched),
                    from_milliseconds(*checked)};
}

// A file that cannot be understood is as good as none, and in the way.
bool hopeless(const Error& error) { return error.code == Errc::corrupt || error.code == Errc::too_large; }

}  // namespace

Result<std::unique_ptr<ManifestStore>> ManifestStore::open_store(Files& files, Staging& staging,
                                                                 const std::string& directory) {
    if (auto made = make_root(files, directory); !made) return made.error();
    return std::unique_ptr<ManifestStore>{new ManifestStore{files, staging, root_in(directory)}};
}

Result<> ManifestStore::make_root(Files& files, const std::string& directory) {
    const auto root = root_in(directory);
    if (auto made = files.make_directories(root); !made) return made;
    return sync_names(files, root, directory);
}

std::string ManifestStore::manifest_path(const ManifestPlace& place, const Digest& digest) const {
    return root_ + "/" + place.upstream + "/" + place.repository.text() + "/_digests/sha256/" +
           std::string{digest.hex()};
}

std::string ManifestStore::tag_path(const ManifestPlace& place, const Tag& tag) const {
    return root_ + "/" + place.upstream + "/" + place.repository.text() + "/_tags/" + tag.text();
}

Result<> ManifestStore::put_durably(const std::string& path, std::string_view content) {
    if (auto put = staging_.replace(path, content); !put) return put;
    return sync_names(files_, path, root_);
}

Result<> ManifestStore::remove(const std::string& path) {
    auto removed = files_.remove(path);
    return removed || missing(removed.error()) ? Result<>{} : removed;
}

Result<> ManifestStore::put_manifest(const ManifestPlace& place, const Manifest& manifest) {
    if (auto right = storable(manifest.digest); !right) return right;
    if (auto right = valid_media_type(manifest.media_type); !right) return right;
    if (manifest.bytes.size() > k_largest_manifest) return Error{Errc::too_large, "manifest is larger than 4 MiB"};
    if (Digest::sha256_of(std::as_bytes(std::span{manifest.bytes})) != manifest.digest) {
        return Error{Errc::corrupt, "manifest " + manifest.digest.to_string() + " has other bytes"};
    }
    return put_durably(manifest_path(place, manifest.digest), manifest_text(manifest));
}

Result<Manifest> ManifestStore::get_manifest(const ManifestPlace& place, const Digest& digest) {
    if (auto right = storable(digest); !right) return right.error();
    const auto path = manifest_path(place, digest);
    const auto text = read_whole(files_, path, k_largest_head + k_largest_manifest);
    auto manifest = text ? parse_manifest(*text, digest) : Result<Manifest>{text.error()};
    if (manifest || !(hopeless(manifest.error()) || missing(manifest.error()))) return manifest;
    if (hopeless(manifest.error())) (void)files_.remove(path);
    return not_stored("manifest " + digest.to_string());
}

Result<> ManifestStore::drop_manifest(const ManifestPlace& place, const Digest& digest) {
    if (auto right = storable(digest); !right) return right;
    return remove(manifest_path(place, digest));
}

Result<> ManifestStore::put_tag(const ManifestPlace& place, const Tag& tag, const TagEntry& entry) {
    if (auto right = storable(entry.digest); !right) return right;
    if (auto right = valid_media_type(entry.media_type); !right) return right;
    const auto path = tag_path(place, tag);
    const auto known = get_tag(place, tag);
    if (known && known->digest == entry.digest) return staging_.replace(path, tag_text(entry));
    return put_durably(path, tag_text(entry));
}

Result<TagEntry> ManifestStore::get_tag(const ManifestPlace& place, const Tag& tag) {
    const auto path = tag_path(place, tag);
    const auto text = read_whole(files_, path, k_largest_head);
    auto entry = text ? parse_tag(*text) : Result<TagEntry>{text.error()};
    if (entry || !(hopeless(entry.error()) || missing(entry.error()))) return entry;
    if (hopeless(entry.error())) (void)files_.remove(path);
    return not_stored("tag " + tag.text());
}

Result<> ManifestStore::drop_tag(const ManifestPlace& place, const Tag& tag) { return remove(tag_path(place, tag)); }

}  // namespace longshore::registry

#include "registry/manifests.hpp"

#include "base/log.hpp"
#include "net/on_loop.hpp"
#include "registry/media_types.hpp"

namespace longshore::registry {
namespace {

constexpr std::chrono::seconds k_stale_pause{10};  // before upstream is asked again after it could not be

std::string key_of(const Upstream& upstream, const RepositoryName& repository, const Reference& reference) {
    std::string key;
    key.reserve(upstream.name.size() + repository.text().size() + 74);
    key.append(upstream.name).append(1, '/').append(repository.text());
    key.append(reference.digest() != nullptr ? "@" : ":").append(reference.to_string());
    return key;
}

ManifestPtr hot(Manifest manifest) {
    auto text = manifest.digest.to_string();
    return std::make_shared<const HotManifest>(HotManifest{std::move(manifest.digest), std::move(text),
                                                           std::move(manifest.media_type),
                                                           net::Chunk::of(std::move(manifest.bytes))});
}

Failure wrong_content(const Upstream& upstream, std::string what) {
    return {{502, ErrorCode::manifest_invalid, "registry " + upstream.name + " sent a manifest " + std::move(what), {}},
            true,
            {}};
}

}  // namespace

Manifests::Manifests(Parts parts, Options options)
    : parts_(std::move(parts)), wall_(parts_.shards.home(std::size_t{0}).loop.clock()) {
    const auto count = parts_.shards.size();
    for (std::size_t i = 0; i < count; ++i) {
        seats_.push_back(std::make_unique<Seat>(parts_.shards.home(i).scope, options.memory_limit / count, options));
    }
}

UpstreamClient::Question Manifests::question(const Wanted& wanted, std::string method, std::string_view reference) {
    return {.upstream = wanted.upstream,
            .repository = wanted.repository,
            .method = std::move(method),
            .path = std::string{"manifests/"}.append(reference),
            .accept = std::string{k_accept_manifests},
            .unknown = ErrorCode::manifest_unknown,
            .passed = wanted.passed};
}

void Manifests::set(Options options) { here().options = options; }

Deadline Manifests::fresh_until() { return after(net::Loop::current().now(), here().options.tag_ttl); }

std::optional<Manifests::Found> Manifests::in_memory(const std::string& key) {
    const auto* const entry = here().hot.find(key);
    if (entry == nullptr || entry->fresh_until <= net::Loop::current().now()) return std::nullopt;
    return Found{entry->manifest, entry->stale ? How::stale : How::hit, entry->fresh_until};
}

void Manifests::remember(const std::string& key, const Found& found) {
    here().hot.put(key, {found.manifest, found.fresh_until, found.how == How::stale});
}

Task<Fetched<Manifests::Found>> Manifests::get(const Upstream& upstream, RepositoryName repository, Reference reference,
                                               std::string passed) {
    auto key = key_of(upstream, repository, reference);
    if (auto found = in_memory(key)) co_return std::move(*found);
    auto& home = parts_.shards.home(upstream.name + "/" + repository.text());
    Wanted wanted{upstream, std::move(repository), std::move(passed)};
    auto found = co_await net::on_loop(home.loop, get_at_home(std::move(wanted), std::move(reference), key));
    if (found) remember(key, *found);
    co_return found;
}

Task<Fetched<Manifests::Found>> Manifests::get_at_home(Wanted wanted, Reference reference, std::string key) {
    if (auto found = in_memory(key)) co_return std::move(*found);
    auto found = co_await here().flights.get(key, resolve(std::move(wanted), std::move(reference)));
    if (!found) co_return Failure{{503, ErrorCode::unknown, "the mirror is stopping", {}}, false, {}};
    if (*found) remember(key, **found);
    co_return std::move(*found);
}

Task<Fetched<Manifests::Found>> Manifests::resolve(Wanted wanted, Reference reference) {
    if (const auto* digest = reference.digest()) {
        auto found = co_await resolve_digest(std::move(wanted), *digest);
        co_return found;
    }
    auto found = co_await resolve_tag(std::move(wanted), *reference.tag());
    co_return found;
}

Task<Fetched<Manifests::Found>> Manifests::resolve_digest(Wanted wanted, Digest digest) {
    auto manifest = co_await load(wanted, digest);
    if (manifest) co_return Found{std::move(manifest), How::hit, Deadline::max()};
    auto fetched = co_await fetch(std::move(wanted), digest.to_string(), digest);
    if (!fetched) co_return fetched.error();
    co_return Found{std::move(*fetched), How::fetched, Deadline::max()};
}

Task<std::optional<TagEntry>> Manifests::known_tag(Wanted wanted, Tag tag) {
    auto read = [this, &wanted, &tag] { return parts_.store.get_tag(wanted.place(), tag); };
    auto entry = co_await parts_.disk.run(read);
    if (!entry) co_return std::nullopt;
    co_return std::move(*entry);
}

// What another process noted in the future, by our clock, is of no use.
bool Manifests::is_fresh(const TagEntry& entry) {
    const auto now = wall_.now();
    return entry.checked <= now && now - entry.checked < here().options.tag_ttl;
}

Task<Fetched<Manifests::Found>> Manifests::resolve_tag(Wanted wanted, Tag tag) {
    auto known = co_await known_tag(wanted, tag);
    if (known && is_fresh(*known)) {
        const auto left = here().options.tag_ttl - (wall_.now() - known->checked);
        auto manifest = co_await load(wanted, known->digest);
        if (manifest) co_return Found{std::move(manifest), How::hit, net::Loop::current().now() + left};
        auto fetched = co_await fetch_tag(wanted, tag, known, known->digest);
        co_return fetched;
    }
    auto found = co_await check_tag(std::move(wanted), std::move(tag), std::move(known));
    co_return found;
}

// Asks upstream what the tag means now: by HEAD, and by GET only for a manifest that is not here.
Task<Fetched<Manifests::Found>> Manifests::check_tag(Wanted wanted, Tag tag, std::optional<TagEntry> known) {
    auto head = co_await parts_.upstream.ask(question(wanted, "HEAD", tag.text()));
    if (!head && head.error().unreachable) {
        auto found = co_await stand_in(std::move(wanted), std::move(known), head.error());
        co_return found;
    }
    if (!head) {
        if (known) co_await drop_tag(std::move(wanted), std::move(tag));
        co_return head.error();
    }
    const auto named = Digest::parse(head->fields.get_or("docker-content-digest", {}));
    ManifestPtr manifest;
    if (named) manifest = co_await load(wanted, *named);
    if (!manifest) {
        auto found = co_await fetch_tag(std::move(wanted), std::move(tag), std::move(known),
                                        named ? std::optional{*named} : std::nullopt);
        co_return found;
    }
    const bool same = known && known->digest == manifest->digest;
    co_await save_tag(std::move(wanted), std::move(tag),
                      {manifest->digest, manifest->media_type, manifest->bytes.size(),
                       same ? known->fetched : wall_.now(), wall_.now()});
    co_return Found{std::move(manifest), How::revalidated, fresh_until()};
}

Task<Fetched<Manifests::Found>> Manifests::fetch_tag(Wanted wanted, Tag tag, std::optional<TagEntry> known,
                                                     std::optional<Digest> named) {
    auto fetched = co_await fetch(wanted, named ? named->to_string() : tag.text(), named);
    if (!fetched && fetched.error().unreachable) {
        auto found = co_await stand_in(std::move(wanted), std::move(known), fetched.error());
        co_return found;
    }
    if (!fetched) co_return fetched.error();
    const auto& manifest = **fetched;
    co_await save_tag(std::move(wanted), std::move(tag),
                      {manifest.digest, manifest.media_type, manifest.bytes.size(), wall_.now(), wall_.now()});
    co_return Found{std::move(*fetched), How::fetched, fresh_until()};
}

Task<Fetched<Manifests::Named>> Manifests::head(const Upstream& upstream, RepositoryName repository,
                                                Reference reference, std::string passed) {
    auto key = key_of(upstream, repository, reference);
    if (auto found = in_memory(key)) {
        const auto& manifest = *found->manifest;
        co_return Named{
            {manifest.digest, manifest.media_type, manifest.bytes.size(), {}, {}}, found->how, found->fresh_until};
    }
    auto& home = parts_.shards.home(upstream.name + "/" + repository.text());
    Wanted wanted{upstream, std::move(repository), std::move(passed)};
    auto named =
        co_await net::on_loop(home.loop, head_at_home(std::move(wanted), std::move(reference), std::move(key)));
    co_return named;
}

Task<Fetched<Manifests::Named>> Manifests::head_at_home(Wanted wanted, Reference reference, std::string key) {
    const auto* const digest = reference.digest();
    auto work = digest != nullptr ? name_digest(wanted, *digest) : name_tag(wanted, *reference.tag());
    auto named = co_await here().names.get(std::move(key), std::move(work));
    if (!named) co_return Failure{{503, ErrorCode::unknown, "the mirror is stopping", {}}, false, {}};
    co_return std::move(*named);
}

Task<Fetched<Manifests::Named>> Manifests::name_digest(Wanted wanted, Digest digest) {
    auto manifest = co_await load(wanted, digest);
    if (manifest) {
        co_return Named{
            {manifest->digest, manifest->media_type, manifest->bytes.size(), {}, {}}, How::hit, Deadline::max()};
    }
    auto named = co_await ask_name(std::move(wanted), digest.to_string());
    co_return named;
}

Task<Fetched<Manifests::Named>> Manifests::name_tag(Wanted wanted, Tag tag) {
    auto known = co_await known_tag(wanted, tag);
    if (known && is_fresh(*known)) co_return Named{*known, How::hit, fresh_until()};
    auto named = co_await ask_name(wanted, tag.text());
    if (!named && named.error().unreachable && known) co_return Named{*known, How::stale, {}};
    if (!named) {
        if (known && !named.error().unreachable) co_await drop_tag(wanted, tag);
        co_return named.error();
    }
    // A tag that moved to a manifest which is not here yet keeps its old meaning on disk: that one can stand in.
    auto& entry = named->entry;
    if (known && known->digest == entry.digest) entry.fetched = known->fetched;
    const auto here_already = co_await load(wanted, entry.digest);
    if (here_already || !known) co_await save_tag(wanted, tag, entry);
    co_return named;
}

Task<Fetched<Manifests::Named>> Manifests::ask_name(Wanted wanted, std::string reference) {
    auto head = co_await parts_.upstream.ask(question(wanted, "HEAD", reference));
    if (!head) co_return head.error();
    auto digest = Digest::parse(head->fields.get_or("docker-content-digest", {}));
    if (digest && head->body.length) {
        const std::string type{head->fields.get_or("content-type", "application/octet-stream")};
        co_return Named{
            {std::move(*digest), type, *head->body.length, wall_.now(), wall_.now()}, How::revalidated, fresh_until()};
    }
    // An upstream that does not name the digest has to be asked for the manifest, which is kept then.
    auto fetched = co_await fetch(std::move(wanted), std::move(reference), std::nullopt);
    if (!fetched) co_return fetched.error();
    const auto& manifest = **fetched;
    co_return Named{{manifest.digest, manifest.media_type, manifest.bytes.size(), wall_.now(), wall_.now()},
                    How::fetched,
                    fresh_until()};
}

Task<> Manifests::drop_tag(Wanted wanted, Tag tag) {
    auto drop = [this, &wanted, &tag] { return parts_.store.drop_tag(wanted.place(), tag); };
    (void)co_await parts_.disk.run(drop);
}

Task<Fetched<Manifests::Found>> Manifests::stand_in(Wanted wanted, std::optional<TagEntry> known, Failure failure) {
    if (!known) co_return failure;
    auto manifest = co_await load(wanted, known->digest);
    if (!manifest) co_return failure;
    log(LogLevel::warning, "stale_tag",
        {{"upstream", wanted.upstream.name},
         {"repository", wanted.repository.text()},
         {"why", failure.refusal.message}});
    co_return Found{std::move(manifest), How::stale, net::Loop::current().now() + k_stale_pause};
}

Task<ManifestPtr> Manifests::load(Wanted wanted, Digest digest) {
    auto read = [this, &wanted, &digest] { return parts_.store.get_manifest(wanted.place(), digest); };
    auto manifest = co_await parts_.disk.run(read);
    if (!manifest) co_return nullptr;
    co_return hot(std::move(*manifest));
}

Task<Fetched<ManifestPtr>> Manifests::fetch(Wanted wanted, std::string reference, std::optional<Digest> expected) {
    auto answer = co_await parts_.upstream.ask(question(wanted, "GET", reference));
    if (!answer) co_return answer.error();
    auto bytes = co_await http::read_whole(answer->body, here().options.manifest_limit);
    if (!bytes) {
        co_return wrong_content(wanted.upstream,
                                bytes.error().code == Errc::too_large ? "that is too large" : "that broke off");
    }
    parts_.metrics.of(wanted.upstream).fetched.add(bytes->size());
    auto digest = Digest::sha256_of(std::as_bytes(std::span{*bytes}));
    if (expected && *expected != digest) co_return wrong_content(wanted.upstream, "that does not match its digest");
    Manifest manifest{std::move(digest), std::string{answer->fields.get_or("content-type", "application/octet-stream")},
                      std::move(*bytes)};
    auto save = [this, &wanted, &manifest] { return parts_.store.put_manifest(wanted.place(), manifest); };
    auto saved = co_await parts_.disk.run(save);
    note(saved);
    co_return hot(std::move(manifest));
}

Task<> Manifests::save_tag(Wanted wanted, Tag tag, TagEntry entry) {
    auto save = [this, &wanted, &tag, &entry] { return parts_.store.put_tag(wanted.place(), tag, entry); };
    auto saved = co_await parts_.disk.run(save);
    note(saved);
}

void Manifests::note(const Result<>& saved) {
    if (saved) return parts_.health.worked();
    parts_.health.failed(saved.error(), net::Loop::current().now());
}

}  // namespace longshore::registry

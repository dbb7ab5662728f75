#include "tls/development_ca.hpp"

#include "tls/mint.hpp"
#include "tls/names.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <map>

namespace longshore::tls {
namespace {

constexpr std::size_t k_pem_limit_bytes = 64 * 1024;
constexpr std::chrono::days k_authority_life{3650};
constexpr std::chrono::days k_leaf_life{30};
constexpr std::chrono::days k_leaf_renewal{10};  // left of its life when a leaf is made anew
constexpr std::chrono::hours k_clock_slack{1};

struct Place {
    std::string directory;
    std::string certificate;
    std::string key;
};

Place place_in(std::string directory) {
    Place place{std::move(directory), {}, {}};
    place.certificate = place.directory + "/development-ca.pem";
    place.key = place.directory + "/development-ca-key.pem";
    return place;
}

struct Pair {
    X509Ptr certificate;
    KeyPtr key;
};

Error unusable(const Place& place, const std::string& why) {
    return {Errc::invalid,
            place.certificate + ": " + why + "; remove it and " + place.key + " to make a new authority"};
}

Result<> write_new(Files& files, const Place& place, Pair& pair) {
    if (auto made = files.make_directories(place.directory); !made) return made;
    // The key first: a crash between the two leaves nothing that a client could have come to trust.
    if (auto written = write_whole(files, place.key, pem_of(*pair.key)); !written) return written;
    return write_whole(files, place.certificate, pem_of(*pair.certificate));
}

Result<Pair> create(Files& files, const Place& place, WallTime now) {
    auto key = new_key();
    if (!key) return key.error();
    auto certificate = new_authority(**key, "Longshore development CA", {now - k_clock_slack, now + k_authority_life});
    if (!certificate) return certificate.error();
    Pair pair{std::move(*certificate), std::move(*key)};
    if (auto written = write_new(files, place, pair); !written) return written.error();
    return pair;
}

Result<Pair> load(Files& files, const Place& place, const std::string& certificate_pem, WallTime now) {
    auto certificates = certificates_in(certificate_pem, place.certificate);
    if (!certificates) return unusable(place, "damaged");
    const auto key_pem = read_whole(files, place.key, k_pem_limit_bytes);
    if (!key_pem && key_pem.error().code == Errc::not_found) return unusable(place, "its key is gone");
    if (!key_pem) return key_pem.error();
    auto key = key_in(*key_pem);
    if (!key) return unusable(place, "its key is damaged");
    auto& certificate = certificates->front();
    const bool belongs = X509_check_private_key(certificate.get(), key->get()) == 1;
    ERR_clear_error();
    if (!belongs || X509_check_ca(certificate.get()) != 1) return unusable(place, "not the authority of its key");
    auto leaf_end = std::chrono::system_clock::to_time_t(now + k_leaf_life);
    if (X509_cmp_time(X509_get0_notAfter(certificate.get()), &leaf_end) < 0)
        return unusable(place, "expired or about to");
    return Pair{std::move(certificate), std::move(*key)};
}

Result<Pair> load_or_create(Files& files, const Place& place, WallTime now) {
    const auto pem = read_whole(files, place.certificate, k_pem_limit_bytes);
    if (pem) return load(files, place, *pem, now);
    if (pem.error().code != Errc::not_found) return pem.error();
    return create(files, place, now);
}

}  // namespace

struct DevelopmentCa::Authority {
    X509Ptr certificate;
    KeyPtr key;
    KeyPtr leaf_key;
    std::string leaf_key_pem;
};

struct DevelopmentCa::Leaf {
    std::shared_ptr<const Identity> identity;
    WallTime valid_from;
    mutable std::atomic<std::uint64_t> used;
    Leaf(std::shared_ptr<const Identity> made, WallTime from, std::uint64_t use)
        : identity(std::move(made)), valid_from(from), used(use) {}
};

struct DevelopmentCa::Leaves {
    std::map<std::string, std::shared_ptr<const Leaf>, std::less<>> by_name;

    void make_room() {
        if (by_name.size() < k_cached_leaves) return;
        by_name.erase(std::ranges::min_element(
            by_name, {}, [](const auto& entry) { return entry.second->used.load(std::memory_order_relaxed); }));
    }
};

Result<std::shared_ptr<DevelopmentCa>> DevelopmentCa::open(Files& files, const Clock& clock, std::string directory,
                                                           std::vector<std::string> names) {
    for (auto& name : names) name = normal_host(name);
    if (names.empty()) return Error{Errc::invalid, "development CA: no name to make certificates for"};
    const auto place = place_in(std::move(directory));
    auto pair = load_or_create(files, place, clock.wall());
    if (!pair) return pair.error();
    auto leaf_key = new_key();
    if (!leaf_key) return leaf_key.error();
    auto certificate_pem = pem_of(*pair->certificate);
    auto leaf_key_pem = pem_of(**leaf_key);
    auto authority = std::make_unique<const Authority>(std::move(pair->certificate), std::move(pair->key),
                                                       std::move(*leaf_key), std::move(leaf_key_pem));
    return std::shared_ptr<DevelopmentCa>{new DevelopmentCa{clock, std::move(authority), place.certificate,
                                                            std::move(certificate_pem), std::move(names)}};
}

DevelopmentCa::DevelopmentCa(const Clock& clock, std::unique_ptr<const Authority> authority,
                             std::string certificate_file, std::string certificate_pem, std::vector<std::string> names)
    : clock_(clock),
      authority_(std::move(authority)),
      certificate_file_(std::move(certificate_file)),
      certificate_pem_(std::move(certificate_pem)),
      names_(std::move(names)),
      leaves_(std::make_shared<const Leaves>()) {}

DevelopmentCa::~DevelopmentCa() = default;

bool DevelopmentCa::permits(std::string_view name) const {
    if (name == "127.0.0.1" || name == "::1") return true;
    if (!ip_literal(name).empty()) return std::ranges::find(names_, name) != names_.end();
    if (!is_dns_name(name)) return false;
    return std::ranges::any_of(names_, [name](const std::string& permitted) {
        if (!name.ends_with(permitted)) return false;
        return name.size() == permitted.size() || name[name.size() - permitted.size() - 1] == '.';
    });
}

std::shared_ptr<const Identity> DevelopmentCa::cached(std::string_view name) const {
    const auto leaves = leaves_.load();
    const auto found = leaves->by_name.find(name);
    if (found == leaves->by_name.end()) return nullptr;
    const Leaf& leaf = *found->second;
    // One made while the clock was wrong, ahead or behind, is of no use once the clock is right.
    const auto now = clock_.wall();
    if (now < leaf.valid_from || leaf.identity->valid_until() < now + k_leaf_renewal) return nullptr;
    leaf.used.store(uses_.fetch_add(1, std::memory_order_relaxed), std::memory_order_relaxed);
    return leaf.identity;
}

std::shared_ptr<const Identity> DevelopmentCa::mint(std::string_view name) const {
    const std::lock_guard lock{minting_};
    if (auto meanwhile = cached(name)) return meanwhile;
    const auto now = clock_.wall();
    const LeafPlan plan{{std::string{name}}, {now - k_clock_slack, now + k_leaf_life}};
    const auto certificate = new_leaf(*authority_->leaf_key, *authority_->certificate, *authority_->key, plan);
    if (!certificate) return nullptr;
    auto identity = Identity::parse(pem_of(**certificate), authority_->leaf_key_pem);
    if (!identity) return nullptr;
    auto leaves = std::make_shared<Leaves>(*leaves_.load());
    if (!leaves->by_name.contains(name)) leaves->make_room();
    leaves->by_name.insert_or_assign(std::string{name},
                                     std::make_shared<const Leaf>(*identity, plan.validity.from, uses_++));
    leaves_.store(std::move(leaves));
    return *identity;
}

std::shared_ptr<const Identity> DevelopmentCa::find(std::string_view server_name,
                                                    std::span<const std::string_view>) const {
    if (!permits(server_name)) return nullptr;
    if (auto leaf = cached(server_name)) return leaf;
    return mint(server_name);
}

std::shared_ptr<const Identity> DevelopmentCa::fallback() const { return find(names_.front(), {}); }

std::size_t DevelopmentCa::cached() const { return leaves_.load()->by_name.size(); }

}  // namespace longshore::tls

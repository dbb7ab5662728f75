#include "tls/certificates.hpp"

#include <unordered_map>

namespace longshore::tls {
namespace {

constexpr std::size_t k_pem_limit_bytes = 1024 * 1024;

struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
};
using ByName = std::unordered_map<std::string, std::shared_ptr<const Identity>, NameHash, std::equal_to<>>;

std::shared_ptr<const Identity> look_up(const ByName& names, std::string_view name) {
    const auto found = names.find(name);
    return found == names.end() ? nullptr : found->second;
}

Result<std::shared_ptr<const Identity>> read_pair(Files& files, const CertificatePair& pair) {
    auto chain = read_whole(files, pair.certificate_file, k_pem_limit_bytes);
    if (!chain) return chain.error();
    auto key = read_whole(files, pair.key_file, k_pem_limit_bytes);
    if (!key) return key.error();
    auto identity = Identity::parse(std::move(*chain), std::move(*key));
    if (identity) return identity;
    return Error{identity.error().code,
                 pair.certificate_file + " with " + pair.key_file + ": " + identity.error().where};
}

}  // namespace

struct FileCertificates::Table {
    std::vector<std::shared_ptr<const Identity>> all;
    ByName exact;
    ByName wildcard;  // by what follows "*."

    void add(std::shared_ptr<const Identity> identity) {
        for (const auto& name : identity->names()) {
            if (name.starts_with("*.")) {
                wildcard.try_emplace(name.substr(2), identity);
            } else {
                exact.try_emplace(name, identity);
            }
        }
        all.push_back(std::move(identity));
    }
};

FileCertificates::~FileCertificates() = default;

Task<std::vector<Error>> FileCertificates::load(std::vector<CertificatePair> pairs) {
    auto table = std::make_shared<Table>();
    auto read_them = [this, &pairs, &table] {
        std::vector<Error> mistakes;
        for (const auto& pair : pairs) {
            auto identity = read_pair(files_, pair);
            if (identity) {
                table->add(std::move(*identity));
            } else {
                mistakes.push_back(identity.error());
            }
        }
        return mistakes;
    };
    auto mistakes = co_await disk_.run(read_them);
    if (mistakes.empty()) {
        pairs_ = std::move(pairs);
        table_.store(std::move(table));
    }
    co_return mistakes;
}

Task<std::vector<Error>> FileCertificates::reload() { return load(pairs_); }

std::vector<std::shared_ptr<const Identity>> FileCertificates::all() const {
    const auto table = table_.load();
    return table == nullptr ? std::vector<std::shared_ptr<const Identity>>{} : table->all;
}

std::shared_ptr<const Identity> FileCertificates::find(std::string_view server_name,
                                                       std::span<const std::string_view>) const {
    const auto table = table_.load();
    if (table == nullptr) return nullptr;
    if (auto exact = look_up(table->exact, server_name)) return exact;
    const auto dot = server_name.find('.');
    if (dot == 0 || dot == std::string_view::npos) return nullptr;
    auto wildcard = look_up(table->wildcard, server_name.substr(dot + 1));
    return wildcard != nullptr && wildcard->covers(server_name) ? wildcard : nullptr;
}

std::shared_ptr<const Identity> FileCertificates::fallback() const {
    const auto table = table_.load();
    return table == nullptr || table->all.empty() ? nullptr : table->all.front();
}

std::shared_ptr<const Identity> CertificateSources::find(std::string_view server_name,
                                                         std::span<const std::string_view> alpn) const {
    for (const auto& source : sources_) {
        if (auto identity = source->find(server_name, alpn)) return identity;
    }
    return nullptr;
}

std::shared_ptr<const Identity> CertificateSources::fallback() const {
    for (const auto& source : sources_) {
        if (auto identity = source->fallback()) return identity;
    }
    return nullptr;
}

}  // namespace longshore::tls

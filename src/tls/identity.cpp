#include "tls/identity.hpp"

#include "tls/names.hpp"
#include "tls/parsed.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace longshore::tls {
namespace {

WallTime end_of(const X509& certificate) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &parts) != 1) return {};
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

}  // namespace

Result<std::shared_ptr<const Identity>> Identity::parse(std::string chain_pem, std::string key_pem) {
    auto chain = certificates_in(chain_pem, "certificate chain");
    if (!chain) return chain.error();
    auto key = key_in(key_pem);
    if (!key) return key.error();
    auto& leaf = chain->front();
    if (X509_check_private_key(leaf.get(), key->get()) != 1) {
        ERR_clear_error();
        return Error{Errc::invalid, "the private key does not belong to the certificate"};
    }
    X509_check_purpose(leaf.get(), -1, 0);  // fills OpenSSL's cache before threads share the certificate
    auto parsed = std::make_unique<Parsed>();
    parsed->leaf = std::move(leaf);
    parsed->key = std::move(*key);
    parsed->issuers.reset(sk_X509_new_null());
    for (auto& issuer : std::span{*chain}.subspan(1)) sk_X509_push(parsed->issuers.get(), issuer.release());
    return std::shared_ptr<const Identity>{new Identity{std::move(chain_pem), std::move(key_pem), std::move(parsed)}};
}

Identity::Identity(std::string chain_pem, std::string key_pem, std::unique_ptr<const Parsed> parsed)
    : chain_pem_(std::move(chain_pem)),
      key_pem_(std::move(key_pem)),
      parsed_(std::move(parsed)),
      names_(names_of(*parsed_->leaf)),
      valid_until_(end_of(*parsed_->leaf)),
      fingerprint_(fingerprint_of(*parsed_->leaf)) {}

Identity::~Identity() { OPENSSL_cleanse(key_pem_.data(), key_pem_.size()); }

bool Identity::covers(std::string_view host) const { return any_matches(names_, normal_host(host)); }

}  // namespace longshore::tls

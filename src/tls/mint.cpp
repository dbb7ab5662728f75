#include "tls/mint.hpp"

#include "tls/names.hpp"

#include <boost/asio/ip/address.hpp>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace longshore::tls {
namespace {

struct Extension {
    int kind;
    const char* value;
};

Error failed(std::string_view doing) { return {Errc::io, std::string{doing} + ": " + take_reason()}; }

bool set_serial(X509& certificate) {
    std::array<unsigned char, 16> random;
    if (RAND_bytes(random.data(), random.size()) != 1) return false;
    random[0] &= 0x7f;  // positive, and never zero
    random[0] |= 0x40;
    const std::unique_ptr<BIGNUM, Releases<BN_free>> number{BN_bin2bn(random.data(), random.size(), nullptr)};
    return BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)) != nullptr;
}

bool set_validity(X509& certificate, Validity validity) {
    const auto from = std::chrono::system_clock::to_time_t(validity.from);
    const auto until = std::chrono::system_clock::to_time_t(validity.until);
    return ASN1_TIME_set(X509_getm_notBefore(&certificate), from) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(&certificate), until) != nullptr;
}

bool add_extensions(X509& certificate, X509& issuer, std::span<const Extension> extensions) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
    return std::ranges::all_of(extensions, [&](const Extension& extension) {
        const std::unique_ptr<X509_EXTENSION, Releases<X509_EXTENSION_free>> made{
            X509V3_EXT_conf_nid(nullptr, &context, extension.kind, extension.value)};
        return made != nullptr && X509_add_ext(&certificate, made.get(), -1) == 1;
    });
}

GENERAL_NAME* general_name(const std::string& name) {
    boost::system::error_code not_ip;
    const auto address = boost::asio::ip::make_address(name, not_ip);
    auto* made = GENERAL_NAME_new();
    if (not_ip) {
        auto* text = ASN1_IA5STRING_new();
        ASN1_STRING_set(text, name.data(), static_cast<int>(name.size()));
        GENERAL_NAME_set0_value(made, GEN_DNS, text);
        return made;
    }
    auto* bytes = ASN1_OCTET_STRING_new();
    if (address.is_v4()) {
        const auto raw = address.to_v4().to_bytes();
        ASN1_OCTET_STRING_set(bytes, raw.data(), raw.size());
    } else {
        const auto raw = address.to_v6().to_bytes();
        ASN1_OCTET_STRING_set(bytes, raw.data(), raw.size());
    }
    GENERAL_NAME_set0_value(made, GEN_IPADD, bytes);
    return made;
}

bool add_names(X509& certificate, std::span<const std::string> names) {
    const std::unique_ptr<GENERAL_NAMES, Releases<GENERAL_NAMES_free>> list{sk_GENERAL_NAME_new_null()};
    for (const auto& name : names) sk_GENERAL_NAME_push(list.get(), general_name(name));
    return X509_add1_ext_i2d(&certificate, NID_subject_alt_name, list.get(), 0, 0) == 1;
}

bool set_common_name(X509& certificate, const std::string& name) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(name.data());
    return X509_NAME_add_entry_by_txt(X509_get_subject_name(&certificate), "CN", MBSTRING_UTF8, bytes,
                                      static_cast<int>(name.size()), -1, 0) == 1;
}

X509Ptr begin(EVP_PKEY& key, const std::string& common_name, Validity validity) {
    X509Ptr certificate{X509_new()};
    const bool set = certificate != nullptr && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                     set_serial(*certificate) && set_validity(*certificate, validity) &&
                     set_common_name(*certificate, common_name) && X509_set_pubkey(certificate.get(), &key) == 1;
    return set ? std::move(certificate) : nullptr;
}

}  // namespace

Result<KeyPtr> new_key() {
    KeyPtr key{EVP_EC_gen("P-256")};
    if (key == nullptr) return failed("making a key");
    return key;
}

Result<X509Ptr> new_authority(EVP_PKEY& key, const std::string& common_name, Validity validity) {
    auto made = begin(key, common_name, validity);
    constexpr std::array extensions{Extension{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                    Extension{NID_key_usage, "critical,keyCertSign,cRLSign"},
                                    Extension{NID_subject_key_identifier, "hash"}};
    const bool whole = made != nullptr && X509_set_issuer_name(made.get(), X509_get_subject_name(made.get())) == 1 &&
                       add_extensions(*made, *made, extensions) && X509_sign(made.get(), &key, EVP_sha256()) > 0;
    if (!whole) return failed("making a certificate authority");
    return made;
}

Result<X509Ptr> new_leaf(EVP_PKEY& leaf_key, X509& authority, EVP_PKEY& authority_key, const LeafPlan& plan) {
    auto made =
        begin(leaf_key, plan.names.empty() || plan.names[0].size() > 64 ? "leaf" : plan.names[0], plan.validity);
    const std::array extensions{
        Extension{NID_basic_constraints, "critical,CA:FALSE"}, Extension{NID_key_usage, "critical,digitalSignature"},
        Extension{NID_ext_key_usage, plan.purpose == Purpose::server ? "serverAuth" : "clientAuth"},
        Extension{NID_subject_key_identifier, "hash"}, Extension{NID_authority_key_identifier, "keyid:always"}};
    const bool whole = made != nullptr && X509_set_issuer_name(made.get(), X509_get_subject_name(&authority)) == 1 &&
                       add_extensions(*made, authority, extensions) &&
                       (plan.names.empty() || add_names(*made, plan.names)) &&
                       X509_sign(made.get(), &authority_key, EVP_sha256()) > 0;
    if (!whole) return failed("making a certificate");
    return made;
}

}  // namespace longshore::tls

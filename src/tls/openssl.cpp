#include "tls/openssl.hpp"

#include "tls/names.hpp"

#include <boost/asio/ip/address.hpp>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace longshore::tls {
namespace {

constexpr std::size_t k_subject_bytes = 512;
constexpr int k_alert_base = SSL_AD_REASON_OFFSET;  // OpenSSL reports a received alert as this plus its number

int no_password(char*, int, int, void*) { return -1; }

std::string text_of(BIO& bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(&bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string reason_of(unsigned long code) {
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "unknown failure";
}

Errc code_of_alert(int alert) {
    switch (alert) {
        case SSL_AD_BAD_CERTIFICATE:
        case SSL_AD_UNSUPPORTED_CERTIFICATE:
        case SSL_AD_CERTIFICATE_REVOKED:
        case SSL_AD_CERTIFICATE_EXPIRED:
        case SSL_AD_CERTIFICATE_UNKNOWN:
        case SSL_AD_UNKNOWN_CA:
        case SSL_AD_ACCESS_DENIED:
        case SSL_AD_CERTIFICATE_REQUIRED:
            return Errc::denied;
        case SSL_AD_PROTOCOL_VERSION:
        case SSL_AD_HANDSHAKE_FAILURE:
        case SSL_AD_INSUFFICIENT_SECURITY:
        case SSL_AD_UNRECOGNIZED_NAME:
        case SSL_AD_NO_APPLICATION_PROTOCOL:
            return Errc::unsupported;
        default:
            return Errc::corrupt;
    }
}

Errc code_of(int reason) {
    switch (reason) {
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        case SSL_R_PROTOCOL_IS_SHUTDOWN:
            return Errc::peer_closed;
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return Errc::denied;
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_NO_SHARED_CIPHER:
        case SSL_R_NO_APPLICATION_PROTOCOL:
        case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
        case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
        case SSL_R_NO_SUITABLE_KEY_SHARE:
        case SSL_R_NO_SUITABLE_GROUPS:
            return Errc::unsupported;
        default:
            return reason >= k_alert_base ? code_of_alert(reason - k_alert_base) : Errc::corrupt;
    }
}

}  // namespace

BioPtr bio_of(std::string_view text) { return BioPtr{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))}; }

Result<std::vector<X509Ptr>> certificates_in(std::string_view pem, std::string_view what) {
    ERR_clear_error();
    const auto bio = bio_of(pem);
    std::vector<X509Ptr> found;
    while (X509Ptr certificate{PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)}) {
        found.push_back(std::move(certificate));
    }
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const auto reason = take_reason();
    if (!at_end) return Error{Errc::invalid, std::string{what} + ": damaged certificate: " + reason};
    if (found.empty()) return Error{Errc::invalid, std::string{what} + ": no PEM certificate in it"};
    return found;
}

Result<KeyPtr> key_in(std::string_view pem) {
    ERR_clear_error();
    KeyPtr key{PEM_read_bio_PrivateKey(bio_of(pem).get(), nullptr, no_password, nullptr)};
    if (key != nullptr) return key;
    (void)take_reason();
    if (pem.contains("ENCRYPTED")) return Error{Errc::invalid, "private key: encrypted; store it without a passphrase"};
    return Error{Errc::invalid, "private key: no PEM key in it, or a damaged one"};
}

std::string pem_of(X509& certificate) {
    const BioPtr bio{BIO_new(BIO_s_mem())};
    PEM_write_bio_X509(bio.get(), &certificate);
    return text_of(*bio);
}

std::string pem_of(EVP_PKEY& key) {
    const BioPtr bio{BIO_new(BIO_s_secmem())};
    PEM_write_bio_PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(*bio);
}

std::vector<std::string> names_of(const X509& certificate) {
    std::vector<std::string> names;
    const std::unique_ptr<GENERAL_NAMES, Releases<GENERAL_NAMES_free>> found{
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr))};
    for (int index = 0; index < sk_GENERAL_NAME_num(found.get()); ++index) {
        const auto* name = sk_GENERAL_NAME_value(found.get(), index);
        if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
        const ASN1_STRING* value = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
        const std::string_view bytes{reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                                     static_cast<std::size_t>(ASN1_STRING_length(value))};
        auto text = name->type == GEN_DNS ? lower_case(bytes) : ip_from_bytes(bytes);
        if (!text.empty()) names.push_back(std::move(text));
    }
    ERR_clear_error();
    return names;
}

std::string subject_of(const X509& certificate) {
    const BioPtr bio{BIO_new(BIO_s_mem())};
    X509_NAME_print_ex(bio.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253);
    return text_of(*bio).substr(0, k_subject_bytes);
}

std::string fingerprint_of(const X509& certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    X509_digest(&certificate, EVP_sha256(), digest.data(), &size);
    return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string take_reason() {
    auto reason = reason_of(ERR_peek_error());
    ERR_clear_error();
    return reason;
}

Error failure_of(const SSL& ssl, int outcome, int number, std::string_view doing, std::string_view peer) {
    const auto where = std::string{doing} + " " + std::string{peer};
    const auto kind = SSL_get_error(&ssl, outcome);
    const auto reason = ERR_GET_REASON(ERR_peek_error());
    const auto text = take_reason();
    if (kind == SSL_ERROR_ZERO_RETURN) return {Errc::peer_closed, where + ": the peer ended the connection"};
    if (kind == SSL_ERROR_SYSCALL && number != 0) return errno_error(number, where);
    if (kind != SSL_ERROR_SSL || reason == 0) return {Errc::peer_closed, where + ": the connection is gone"};
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return {Errc::peer_closed, where + ": cut off without close_notify"};
    }
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        const auto* why = X509_verify_cert_error_string(SSL_get_verify_result(&ssl));
        return {Errc::denied, "certificate of " + std::string{peer} + ": " + why};
    }
    return {code_of(reason), where + ": " + text};
}

ContextPtr new_context(const SSL_METHOD* method, bool kernel_tls) {
    ContextPtr context{SSL_CTX_new(method)};
    if (context == nullptr) return context;
    auto* ctx = context.get();
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    if (kernel_tls) SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(ctx, 1);  // a record's head and body in one recv
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    const bool set = SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
                     SSL_CTX_set_ciphersuites(ctx,
                                              "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                              "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
                     SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;
    return set ? std::move(context) : nullptr;
}

Result<std::string> alpn_wire(std::span<const std::string> protocols) {
    std::string wire;
    for (const auto& protocol : protocols) {
        if (protocol.empty() || protocol.size() > 255)
            return Error{Errc::invalid, "ALPN protocol name: 1 to 255 bytes"};
        wire += static_cast<char>(protocol.size());
        wire += protocol;
    }
    return wire;
}

}  // namespace longshore::tls

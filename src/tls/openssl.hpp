// OpenSSL's objects with owners, and its failures as ours. For this room only.
#pragma once

#include "base/error.hpp"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::tls {

template <auto Release>
struct Releases {
    template <class T>
    void operator()(T* object) const noexcept {
        Release(object);
    }
};

using X509Ptr = std::unique_ptr<X509, Releases<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Releases<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Releases<BIO_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Releases<SSL_CTX_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Releases<X509_STORE_free>>;

struct ReleasesStack {
    void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_pop_free(stack, X509_free); }
};
using X509StackPtr = std::unique_ptr<STACK_OF(X509), ReleasesStack>;

// A view of `text`, which outlives it.
[[nodiscard]] BioPtr bio_of(std::string_view text);

// Every certificate in `pem`, in order. Errc::invalid when there is none or one is damaged; `what` names the text.
[[nodiscard]] Result<std::vector<X509Ptr>> certificates_in(std::string_view pem, std::string_view what);
// An unencrypted private key.
[[nodiscard]] Result<KeyPtr> key_in(std::string_view pem);
[[nodiscard]] std::string pem_of(X509& certificate);
[[nodiscard]] std::string pem_of(EVP_PKEY& key);

// The subject alternative names: lower-case DNS names and IP literals.
[[nodiscard]] std::vector<std::string> names_of(const X509& certificate);

// As RFC 2253 writes it, at most 512 bytes of it; other bytes than printable ASCII are escaped.
[[nodiscard]] std::string subject_of(const X509& certificate);
// SHA-256 of its DER, 32 bytes.
[[nodiscard]] std::string fingerprint_of(const X509& certificate);

// The earliest failure OpenSSL noted on this thread, in its words; it forgets them all.
[[nodiscard]] std::string take_reason();

// Why a call on `ssl` that returned `outcome` failed for good. `number` is errno right after it; `peer` names the
// other end; `doing` is "TLS handshake with".
[[nodiscard]] Error failure_of(const SSL& ssl, int outcome, int number, std::string_view doing, std::string_view peer);

// What client and server contexts have in common.
[[nodiscard]] ContextPtr new_context(const SSL_METHOD* method, bool kernel_tls);

// Protocol names as the handshake carries them (RFC 7301). Errc::invalid for an empty or overlong name.
[[nodiscard]] Result<std::string> alpn_wire(std::span<const std::string> protocols);

}  // namespace longshore::tls

// A certificate chain with its private key, parsed once and shared by every handshake that shows it.
//
// Material enters and leaves as PEM, so that each TLS library of the program can make its own form of it; what
// OpenSSL needs is kept inside.
// Ownership: immutable, held by shared_ptr; a connection keeps the identity it was shown.
// Threads:   safe from any.
// Errors:    Errc::invalid (not PEM, encrypted key, key and certificate that do not belong together).
// Source:    RFC 5280 (names, validity), RFC 6125 section 6.4 (matching).
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::tls {

class Identity {
public:
    // `chain_pem`: the leaf first, then its issuers. `key_pem`: unencrypted.
    [[nodiscard]] static Result<std::shared_ptr<const Identity>> parse(std::string chain_pem, std::string key_pem);
    Identity(const Identity&) = delete;
    Identity& operator=(const Identity&) = delete;
    ~Identity();

    [[nodiscard]] const std::string& chain_pem() const noexcept { return chain_pem_; }
    [[nodiscard]] const std::string& key_pem() const noexcept { return key_pem_; }
    // The subject alternative names: lower-case DNS names (perhaps "*.x") and IP literals.
    [[nodiscard]] std::span<const std::string> names() const noexcept { return names_; }
    // True when the leaf is for `host`: a DNS name in any case, or an IP literal (IPv6 with or without brackets).
    [[nodiscard]] bool covers(std::string_view host) const;
    [[nodiscard]] WallTime valid_until() const noexcept { return valid_until_; }
    // SHA-256 of the leaf, 32 bytes.
    [[nodiscard]] std::string_view fingerprint() const noexcept { return fingerprint_; }

    // OpenSSL's form, for this room only.
    struct Parsed;
    [[nodiscard]] const Parsed& parsed() const noexcept { return *parsed_; }

private:
    Identity(std::string chain_pem, std::string key_pem, std::unique_ptr<const Parsed> parsed);

    std::string chain_pem_;
    std::string key_pem_;
    std::unique_ptr<const Parsed> parsed_;
    std::vector<std::string> names_;
    WallTime valid_until_;
    std::string fingerprint_;
};

// True when `pattern` ("a.example", "*.example", "127.0.0.1") stands for `host`; a star is one whole first label.
[[nodiscard]] bool name_matches(std::string_view pattern, std::string_view host) noexcept;

}  // namespace longshore::tls

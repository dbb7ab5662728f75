#include "tls/trust.hpp"

#include "tls/parsed.hpp"

#include <openssl/err.h>

#include <cstdlib>

namespace longshore::tls {
namespace {

constexpr std::size_t k_roots_limit_bytes = 8 * 1024 * 1024;

Result<std::string> read_all(Files& files, const std::vector<std::string>& paths) {
    std::string pem;
    for (const auto& path : paths) {
        const auto content = read_whole(files, path, k_roots_limit_bytes);
        if (!content) return content.error();
        const auto checked = certificates_in(*content, path);
        if (!checked) return checked.error();
        pem += *content + "\n";
    }
    return pem;
}

}  // namespace

Result<std::shared_ptr<const TrustRoots>> TrustRoots::parse(std::string_view pem) {
    auto certificates = certificates_in(pem, "trusted certificates");
    if (!certificates) return certificates.error();
    auto parsed = std::make_unique<Parsed>();
    parsed->store.reset(X509_STORE_new());
    X509_STORE_set_flags(parsed->store.get(), X509_V_FLAG_PARTIAL_CHAIN);  // an intermediate may be trusted by itself
    for (const auto& certificate : *certificates) X509_STORE_add_cert(parsed->store.get(), certificate.get());
    ERR_clear_error();
    parsed->certificates = std::move(*certificates);
    return std::shared_ptr<const TrustRoots>{new TrustRoots{std::move(parsed)}};
}

Task<Result<std::shared_ptr<const TrustRoots>>> TrustRoots::load(Files& files, DiskPool& disk,
                                                                 std::vector<std::string> paths) {
    auto parse_them = [&files, &paths]() -> Result<std::shared_ptr<const TrustRoots>> {
        const auto pem = read_all(files, paths);
        return pem ? parse(*pem) : pem.error();
    };
    auto roots = co_await disk.run(parse_them);
    co_return roots;
}

TrustRoots::TrustRoots(std::unique_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
TrustRoots::~TrustRoots() = default;

Result<std::string> system_roots_file(Files& files) {
    const char* named = std::getenv(X509_get_default_cert_file_env());
    if (named != nullptr) return std::string{named};
    const std::array<std::string, 4> usual{X509_get_default_cert_file(), "/etc/ssl/certs/ca-certificates.crt",
                                           "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
    for (const auto& path : usual) {
        if (files.open(path)) return path;
    }
    return Error{Errc::not_found,
                 "no trusted certificates on this system: install ca-certificates or set SSL_CERT_FILE"};
}

}  // namespace longshore::tls

// A certificate authority of one machine, for names that no public one certifies: localhost and what is below.
//
// `open` creates it on the first call: `development-ca.pem` to be trusted by clients, `development-ca-key.pem` for
// nobody else (both mode 0600, EC P-256). Leaves are minted when a handshake asks for a permitted name and kept in
// a bounded cache; minting is one signature, since all leaves of a process share one key that is never written.
//
// Threads: `find` is safe from any loop; it locks only to mint.
// Errors:  invalid (files damaged, expired or half missing: the text says what to remove), denied, io.
#pragma once

#include "base/clock.hpp"
#include "base/files.hpp"
#include "tls/certificates.hpp"
#include "tls/published.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace longshore::tls {

class DevelopmentCa final : public Certificates {
public:
    static constexpr std::size_t k_cached_leaves = 256;

    // Leaves are minted for each name in `names`, for DNS names below one, and for 127.0.0.1 and ::1. Blocks: call
    // it on the disk pool. `clock` outlives the authority; the fallback is a leaf for the first name.
    [[nodiscard]] static Result<std::shared_ptr<DevelopmentCa>> open(Files& files, const Clock& clock,
                                                                     std::string directory,
                                                                     std::vector<std::string> names);
    ~DevelopmentCa() override;

    [[nodiscard]] const std::string& certificate_pem() const noexcept { return certificate_pem_; }
    // The file clients are told to trust.
    [[nodiscard]] const std::string& certificate_file() const noexcept { return certificate_file_; }

    [[nodiscard]] std::shared_ptr<const Identity> find(std::string_view server_name,
                                                       std::span<const std::string_view> alpn) const override;
    [[nodiscard]] std::shared_ptr<const Identity> fallback() const override;
    [[nodiscard]] std::size_t cached() const;

private:
    struct Authority;
    struct Leaf;
    struct Leaves;
    DevelopmentCa(const Clock& clock, std::unique_ptr<const Authority> authority, std::string certificate_file,
                  std::string certificate_pem, std::vector<std::string> names);
    [[nodiscard]] bool permits(std::string_view name) const;
    [[nodiscard]] std::shared_ptr<const Identity> cached(std::string_view name) const;
    [[nodiscard]] std::shared_ptr<const Identity> mint(std::string_view name) const;

    const Clock& clock_;
    std::unique_ptr<const Authority> authority_;
    std::string certificate_file_;
    std::string certificate_pem_;
    std::vector<std::string> names_;
    mutable std::atomic<std::uint64_t> uses_{0};
    mutable std::mutex minting_;
    mutable Published<const Leaves> leaves_;
};

}  // namespace longshore::tls

// Which certificate a server shows: asked at every handshake, answered by one or several sources.
//
// Threads: `find` and `fallback` are called by every loop at once and never wait; a source that changes swaps a
// whole table, and connections keep what they were shown.
// Source:  RFC 6066 section 3 (server name), RFC 7301 (ALPN), RFC 6125 section 6.4 (wildcards).
#pragma once

#include "base/disk_pool.hpp"
#include "base/files.hpp"
#include "tls/identity.hpp"
#include "tls/published.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::tls {

class Certificates {
public:
    virtual ~Certificates() = default;
    // The identity for a name, or null. `server_name` is lower case, without a trailing dot; when the client sent
    // none, it is the IP literal the client connected to. `alpn` is what the client offers.
    [[nodiscard]] virtual std::shared_ptr<const Identity> find(std::string_view server_name,
                                                               std::span<const std::string_view> alpn) const = 0;
    // What to show when no source knows the name, or null.
    [[nodiscard]] virtual std::shared_ptr<const Identity> fallback() const { return nullptr; }
};

struct CertificatePair {
    std::string certificate_file;  // PEM, the leaf first
    std::string key_file;          // PEM, unencrypted
};

// Certificates read from files. An exact name wins over a wildcard, an earlier pair over a later one; the first
// pair is the fallback. Empty until the first load.
class FileCertificates final : public Certificates {
public:
    // `files` and `disk` outlive it.
    FileCertificates(Files& files, DiskPool& disk) : files_(files), disk_(disk) {}
    ~FileCertificates() override;

    // Reads every pair and serves them from the next handshake on; with any mistake nothing changes, and all
    // mistakes are returned, each naming its file. One caller at a time, which keeps this alive meanwhile.
    [[nodiscard]] Task<std::vector<Error>> load(std::vector<CertificatePair> pairs);
    // `load` of the same files again.
    [[nodiscard]] Task<std::vector<Error>> reload();

    // The identities being served, in order: for "certificate expires" metrics.
    [[nodiscard]] std::vector<std::shared_ptr<const Identity>> all() const;

    [[nodiscard]] std::shared_ptr<const Identity> find(std::string_view server_name,
                                                       std::span<const std::string_view> alpn) const override;
    [[nodiscard]] std::shared_ptr<const Identity> fallback() const override;

private:
    struct Table;
    Files& files_;
    DiskPool& disk_;
    std::vector<CertificatePair> pairs_;
    Published<const Table> table_;
};

// Several sources asked in order; the first that knows the name answers. So for the fallback.
class CertificateSources final : public Certificates {
public:
    explicit CertificateSources(std::vector<std::shared_ptr<const Certificates>> sources)
        : sources_(std::move(sources)) {}
    [[nodiscard]] std::shared_ptr<const Identity> find(std::string_view server_name,
                                                       std::span<const std::string_view> alpn) const override;
    [[nodiscard]] std::shared_ptr<const Identity> fallback() const override;

private:
    std::vector<std::shared_ptr<const Certificates>> sources_;
};

// One identity whatever the name.
class OneCertificate final : public Certificates {
public:
    explicit OneCertificate(std::shared_ptr<const Identity> identity) : identity_(std::move(identity)) {}
    [[nodiscard]] std::shared_ptr<const Identity> find(std::string_view,
                                                       std::span<const std::string_view>) const override {
        return identity_;
    }
    [[nodiscard]] std::shared_ptr<const Identity> fallback() const override { return identity_; }

private:
    std::shared_ptr<const Identity> identity_;
};

}  // namespace longshore::tls

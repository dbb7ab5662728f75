// The certificates a verification may end at, parsed once and shared by contexts.
//
// Ownership: immutable, held by shared_ptr. Threads: safe from any.
// Errors:    invalid (no certificate in the text, or a damaged one), not_found and io from the files.
#pragma once

#include "base/disk_pool.hpp"
#include "base/error.hpp"
#include "base/files.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::tls {

class TrustRoots {
public:
    // Every certificate in `pem`; text between them is skipped.
    [[nodiscard]] static Result<std::shared_ptr<const TrustRoots>> parse(std::string_view pem);
    // All the files together, read on `disk`. `files` and `disk` outlive the call.
    [[nodiscard]] static Task<Result<std::shared_ptr<const TrustRoots>>> load(Files& files, DiskPool& disk,
                                                                              std::vector<std::string> paths);
    TrustRoots(const TrustRoots&) = delete;
    TrustRoots& operator=(const TrustRoots&) = delete;
    ~TrustRoots();

    // OpenSSL's form, for this room only.
    struct Parsed;
    [[nodiscard]] const Parsed& parsed() const noexcept { return *parsed_; }

private:
    explicit TrustRoots(std::unique_ptr<const Parsed> parsed);
    std::unique_ptr<const Parsed> parsed_;
};

// Where the machine keeps its roots as one file: $SSL_CERT_FILE, else the place of this system. Blocks: disk pool.
[[nodiscard]] Result<std::string> system_roots_file(Files& files);

}  // namespace longshore::tls

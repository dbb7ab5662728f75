// A file seam that fails when told to: the Nth call, once or from then on.
//
// Every call on it, and on the files it opened, counts from 1. `fail_call` breaks one call; `fail_from` breaks that
// call and all later ones, which is what a dying process or disk looks like. A write that fails has written half of
// its bytes. Closing a file never fails and is not counted.
//
// Ownership: the wrapped Files outlives this and the files opened through it; so does this.
// Threads:   safe from any thread, except the settings and failed_operation.
#pragma once

#include "base/files.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::testing {

class FaultyFiles final : public Files {
public:
    explicit FaultyFiles(Files& wrapped) : wrapped_(wrapped) {}

    // Both count from the next call on.
    void fail_call(std::uint64_t number, int error_number);
    void fail_from(std::uint64_t number, int error_number);
    void heal() noexcept;

    [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }
    // Calls that were made to fail.
    [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }
    // What the last of them was, as "remove"; a literal.
    [[nodiscard]] std::string_view failed_operation() const noexcept { return failed_operation_; }

    [[nodiscard]] Result<std::shared_ptr<File>> open(const std::string& path) override;
    [[nodiscard]] Result<std::shared_ptr<File>> create(const std::string& path) override;
    [[nodiscard]] Result<std::shared_ptr<File>> lock(const std::string& path) override;
    [[nodiscard]] Result<> rename(const std::string& from, const std::string& to) override;
    [[nodiscard]] Result<> remove(const std::string& path) override;
    [[nodiscard]] Result<> make_directories(const std::string& path) override;
    [[nodiscard]] Result<> sync_directory(const std::string& path) override;
    [[nodiscard]] Result<std::vector<DirectoryEntry>> list(const std::string& path) override;

private:
    friend class FaultyFile;
    // The error number this call must fail with; 0: go on.
    int next_call(std::string_view operation) noexcept;

    Files& wrapped_;
    std::atomic<std::uint64_t> calls_{0};
    std::atomic<std::uint64_t> failed_{0};
    std::uint64_t first_ = 0;  // 0: none
    std::uint64_t last_ = 0;
    int error_number_ = 0;
    std::string_view failed_operation_;
};

}  // namespace longshore::testing

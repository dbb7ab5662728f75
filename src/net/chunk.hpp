// Bytes on their way: immutable, reference-counted, cheap to cut.
#pragma once

#include "base/files.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace longshore::net {

struct Chunk {
    std::shared_ptr<const void> slab;  // keeps `bytes` alive; empty for static storage
    std::span<const std::byte> bytes;

    [[nodiscard]] bool empty() const noexcept { return bytes.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return bytes.size(); }
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    [[nodiscard]] Chunk first(std::size_t count) const { return {slab, bytes.first(count)}; }
    [[nodiscard]] Chunk from(std::size_t offset) const { return {slab, bytes.subspan(offset)}; }

    [[nodiscard]] static Chunk of(std::string text) {
        auto owner = std::make_shared<const std::string>(std::move(text));
        const auto bytes = std::as_bytes(std::span{*owner});
        return {std::move(owner), bytes};
    }
    // For literals and other text that outlives every reader.
    [[nodiscard]] static Chunk of_static(std::string_view text) { return {nullptr, std::as_bytes(std::span{text})}; }
};

// A part of an open file, for whoever can send it without copying.
struct FileRange {
    std::shared_ptr<const File> file;
    std::uint64_t offset = 0;  // bytes
    std::uint64_t length = 0;  // bytes
};

}  // namespace longshore::net

// Finds the heads of frames in the bytes of a connection, whatever becomes of the frames.
//
// nghttp2 tells nothing of frames that it ignores: of unknown types, or for streams that are over.
// Source: RFC 9113 §4.1.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace longshore::http::h2 {

struct FrameHead {
    std::size_t length = 0;  // of the payload
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
};

class FrameHeads {
public:
    // `preface`: bytes before the first frame.
    explicit FrameHeads(std::size_t preface) : skip_(preface) {}

    // The next head, taken off `bytes` with all before it; none: `bytes` is used up.
    [[nodiscard]] std::optional<FrameHead> next(std::span<const std::byte>& bytes) noexcept {
        const auto skipped = std::min(skip_, bytes.size());
        skip_ -= skipped;
        bytes = bytes.subspan(skipped);
        const auto taken = std::min(head_.size() - have_, bytes.size());
        std::ranges::copy(bytes.first(taken), head_.begin() + static_cast<std::ptrdiff_t>(have_));
        bytes = bytes.subspan(taken);
        have_ += taken;
        if (have_ < head_.size()) return std::nullopt;
        have_ = 0;
        skip_ = at(0) << 16U | at(1) << 8U | at(2);
        return FrameHead{skip_, static_cast<std::uint8_t>(head_[3]), static_cast<std::uint8_t>(head_[4])};
    }

private:
    [[nodiscard]] std::size_t at(std::size_t index) const noexcept {
        return std::to_integer<std::size_t>(head_[index]);
    }

    std::size_t skip_;
    std::array<std::byte, 9> head_{};
    std::size_t have_ = 0;
};

}  // namespace longshore::http::h2

#include "http/websocket_frames.hpp"

#include <algorithm>

namespace longshore::http {
namespace {

constexpr std::uint8_t k_opcode = 0x0f;
constexpr std::uint8_t k_close = 0x08;
constexpr std::uint8_t k_masked = 0x80;
constexpr std::uint8_t k_length = 0x7f;
constexpr std::size_t k_mask_size = 4;

// Bytes of the longer length that follows a length of seven bits.
std::size_t extension(std::uint8_t length) { return length == 126 ? 2 : length == 127 ? 8 : 0; }

}  // namespace

std::size_t WebSocketFrames::head_size() const noexcept {
    if (head_have_ < 2) return 2;
    return 2 + extension(head_[1] & k_length) + ((head_[1] & k_masked) != 0 ? k_mask_size : 0);
}

std::uint64_t WebSocketFrames::payload_size() const noexcept {
    const auto longer = extension(head_[1] & k_length);
    if (longer == 0) return head_[1] & k_length;
    std::uint64_t size = 0;
    for (std::size_t at = 2; at < 2 + longer; ++at) size = size << 8U | head_[at];
    return size;
}

std::size_t WebSocketFrames::follow(std::span<const std::byte> bytes) {
    std::size_t used = 0;
    while (head_have_ < head_size()) {
        if (used == bytes.size()) return used;
        head_[head_have_++] = std::to_integer<std::uint8_t>(bytes[used++]);
        if (head_have_ == head_size()) payload_left_ = payload_size();
    }
    const auto part = std::min<std::uint64_t>(payload_left_, bytes.size() - used);
    payload_left_ -= part;
    used += static_cast<std::size_t>(part);
    if (payload_left_ == 0) {
        closed_ = closed_ || (head_[0] & k_opcode) == k_close;
        head_have_ = 0;
    }
    return used;
}

}  // namespace longshore::http

// Where the frames of one direction of a WebSocket begin, followed without unmasking anything.
//
// Any bytes are taken for frames: whether they make sense is between the two ends. Values, no I/O.
// Source:  RFC 6455 §5.2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace longshore::http {

class WebSocketFrames {
public:
    // Goes on to the end of the frame under way, or to the end of `bytes`; the number of bytes that are part of it.
    std::size_t follow(std::span<const std::byte> bytes);
    // Between two frames: another may be put in here.
    [[nodiscard]] bool at_border() const noexcept { return head_have_ == 0; }
    // A whole close frame has passed; nothing may follow it.
    [[nodiscard]] bool closed() const noexcept { return closed_; }

private:
    [[nodiscard]] std::size_t head_size() const noexcept;
    [[nodiscard]] std::uint64_t payload_size() const noexcept;

    std::array<std::uint8_t, 14> head_{};
    std::size_t head_have_ = 0;
    std::uint64_t payload_left_ = 0;  // bytes, once the head is whole
    bool closed_ = false;
};

// A close frame from a server that goes away (status 1001).
inline constexpr std::array<std::byte, 4> k_going_away{std::byte{0x88}, std::byte{0x02}, std::byte{0x03},
                                                       std::byte{0xe9}};

}  // namespace longshore::http

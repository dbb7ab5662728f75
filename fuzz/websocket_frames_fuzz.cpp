// Frames of a WebSocket, whole and in pieces: the borders lie where they lie however the bytes come.
#include "http/websocket_frames.hpp"

#include <cstdlib>
#include <vector>

namespace {

using longshore::http::WebSocketFrames;

void require(bool condition) {
    if (!condition) std::abort();
}

struct Seen {
    std::vector<std::size_t> borders;
    bool closed = false;
    friend bool operator==(const Seen&, const Seen&) = default;
};

Seen follow(std::span<const std::byte> bytes, std::size_t piece) {
    WebSocketFrames frames;
    Seen seen;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto part = bytes.subspan(at).first(std::min(piece, bytes.size() - at));
        const auto used = frames.follow(part);
        require(used != 0 && used <= part.size());
        require(used == part.size() || frames.at_border());
        at += used;
        if (frames.at_border()) seen.borders.push_back(at);
    }
    seen.closed = frames.closed();
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto bytes = std::as_bytes(std::span{data, size}).subspan(1);
    require(follow(bytes, std::size_t{data[0] % 17U} + 1) == follow(bytes, bytes.size() + 1));
    return 0;
}

// Header blocks and frames as they come in: assembled, judged, bounded.
#include "http/h2/core.hpp"

#include <charconv>

namespace longshore::http::h2 {
namespace {

constexpr std::size_t k_field_overhead = 32;  // RFC 9113 §6.5.2
constexpr std::size_t k_most_padding = 256;   // bytes, with its length
constexpr std::size_t k_queued = 1000;        // frames to send, beyond what the streams need

bool is_connection_field(std::string_view name) {
    return name == "connection" || name == "keep-alive" || name == "proxy-connection" || name == "transfer-encoding" ||
           name == "upgrade";
}

std::string* pseudo_of(Block& block, std::string_view name) {
    if (name == ":method") return &block.method;
    if (name == ":scheme") return &block.scheme;
    if (name == ":authority") return &block.authority;
    if (name == ":path") return &block.path;
    if (name == ":protocol") return &block.protocol;
    if (name == ":status") return &block.status;
    return nullptr;
}

// Takes one field into the block. False: the message is malformed.
bool take_field(Block& block, std::string_view name, std::string_view value) {
    if (name.starts_with(':')) {
        auto* const pseudo = pseudo_of(block, name);
        if (pseudo == nullptr) return false;
        pseudo->assign(value);
        return true;
    }
    if (!valid_field_name(name) || !valid_field_value(value) || is_connection_field(name)) return false;
    if (name == "te") return value == "trailers";
    if (name == "content-length") {
        std::uint64_t length = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
        if (error != std::errc{} || end != value.data() + value.size() || block.length) return false;
        block.length = length;
        return true;
    }
    if (name == "host") {
        if (block.host) return false;
        block.host.emplace(value);
        return true;
    }
    if (name == "expect") {
        block.expects_continue = same_text(value, "100-continue");
        return block.expects_continue;
    }
    if (name == "cookie") {
        if (!block.cookie.empty()) block.cookie.append("; ");
        block.cookie.append(value);
        return true;
    }
    block.fields.add(name, value);
    return true;
}

}  // namespace

int Core::trip(Cut why) noexcept {
    count(why);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

// What the budgets allow, before nghttp2 sees the bytes.
bool Core::affordable(std::span<const std::byte> bytes) {
    while (const auto head = frame_heads_.next(bytes)) {
        const auto broken = limit_broken_by(*head);
        if (!broken) continue;
        count(*broken);
        return false;
    }
    return true;
}

std::optional<Cut> Core::limit_broken_by(const FrameHead& head) {
    const auto spend = [this](Budget& budget, Cut why) {
        return budget.spend(now()) ? std::nullopt : std::optional{why};
    };
    switch (head.type) {
        case NGHTTP2_HEADERS:
            budgets_.window_updates.earn(k_updates_per_stream);
            block_bytes_ = head.length;
            return block_too_large();
        case NGHTTP2_CONTINUATION:
            block_bytes_ += head.length;
            return block_too_large();
        case NGHTTP2_DATA:
            return data_broken_by(head);
        case NGHTTP2_RST_STREAM:
            // A client chooses how many streams there are to reset.
            return is_server() ? spend(budgets_.resets, Cut::resets) : std::nullopt;
        case NGHTTP2_WINDOW_UPDATE:
            return spend(budgets_.window_updates, Cut::window_updates);
        default:
            return spend(budgets_.control, Cut::control);
    }
}

// Decoded, no field is shorter than encoded, so that a block this large is too large. With Huffman codes its longest
// field takes 8/5 of that.
std::optional<Cut> Core::block_too_large() const noexcept {
    if (block_bytes_ <= options_.head_bytes + options_.head_bytes / 16) return std::nullopt;
    return Cut::header_size;
}

std::optional<Cut> Core::data_broken_by(const FrameHead& head) {
    if ((head.flags & NGHTTP2_FLAG_END_STREAM) != 0) return std::nullopt;
    const auto padding = (head.flags & NGHTTP2_FLAG_PADDED) != 0 ? k_most_padding : 0;
    const auto carried = head.length > padding ? head.length - padding : 0;
    if (carried == 0 && !budgets_.empty_data.spend(now())) return Cut::empty_data;
    const bool small = is_server() && carried < k_small_data;
    if (small && !budgets_.small_data.spend(now())) return Cut::small_data;
    return std::nullopt;
}

// What only the state of the streams tells.
int Core::frame_begins(const nghttp2_frame_hd& head) {
    if (nghttp2_session_get_outbound_queue_size(session_) > k_queued + 4 * std::size_t{options_.max_streams}) {
        return trip(Cut::queued);
    }
    if (head.type != NGHTTP2_HEADERS) return 0;
    // To a stream that is over: nghttp2 decodes it and says nothing.
    const bool late = is_server() && head.stream_id <= highest_ && find(head.stream_id) == nullptr;
    check_order(head.stream_id);
    return !late || budgets_.errors.spend(now()) ? 0 : trip(Cut::errors);
}

int Core::begin_headers(std::int32_t id) {
    open_head_ = id;
    auto* stream = find(id);
    if (stream == nullptr) {
        if (role_ == Role::client) return 0;
        stream = &add(id, std::make_shared<Stream>());
        stream->began = now();
    }
    stream->in.open_block() = {};
    return 0;
}

int Core::header(std::int32_t id, std::string_view name, std::string_view value) {
    auto* const stream = find(id);
    if (stream == nullptr || stream->closed) return 0;
    auto& block = stream->in.open_block();
    block.bytes += name.size() + value.size() + k_field_overhead;
    ++block.count;
    // Beyond the limit the block is still decoded, since the table is shared, but nothing of it is kept.
    if (block.bytes > options_.head_bytes || block.count > options_.field_count) block.too_large = true;
    if (block.bytes > 4 * options_.head_bytes) return trip(Cut::header_size);
    if (block.too_large) return 0;
    if (take_field(block, name, value)) return 0;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Core::frame_received(const nghttp2_frame& frame) {
    auto* const stream = find(frame.hd.stream_id);
    const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame.hd.type) {
        case NGHTTP2_HEADERS:
            open_head_ = 0;
            if (stream == nullptr || stream->closed) return 0;
            if (ends) stream->in.ended = true;
            if (stream->in.head_done || stream->in.head_held) {
                if (!stream->in.trailer_block.too_large)
                    stream->in.trailers = std::move(stream->in.trailer_block.fields);
                if (ends && stream->in.head_held) head(*stream);
            } else {
                if (!stream->in.block.cookie.empty()) stream->in.block.fields.add("cookie", stream->in.block.cookie);
                head(*stream);
            }
            stream->changed.notify();
            return 0;
        case NGHTTP2_DATA:
            if (stream == nullptr) return 0;
            if (ends) stream->in.ended = true;
            if (ends && stream->in.head_held) head(*stream);
            stream->changed.notify();
            return 0;
        case NGHTTP2_PING:
            if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) pinged();
            return 0;
        default:
            return 0;
    }
}

}  // namespace longshore::http::h2

// HTTP/1.1 heads and chunked bodies: what is read must not depend on how it arrives, and what is written from it
// must read the same.
#include "http/h1/syntax.hpp"
#include "http/h1/syntax_chunked.hpp"
#include "http/h1/syntax_write.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace {

using namespace longshore::http;
using namespace longshore::http::h1;

void require(bool condition) {
    if (!condition) std::abort();
}

// Small limits, so that short inputs reach them.
constexpr HeadLimits k_limits{.line_bytes = 256, .head_bytes = 1024, .field_count = 16};
constexpr ChunkedDecoder::Limits k_chunked_limits{.extension_bytes = 32, .trailer_bytes = 256, .trailer_count = 8};

// Piece sizes that follow from the input alone.
class Pieces {
public:
    explicit Pieces(std::string_view seed) {
        for (const char byte : seed) state_ = (state_ ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
    }
    std::size_t next(std::size_t at_most) {
        state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
        return std::min<std::size_t>(1 + (state_ >> 33) % 24, at_most);
    }

private:
    std::uint64_t state_ = 14695981039346656037ULL;
};

void require_same(const Fields& a, const Fields& b) {
    require(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) require(a[i].name == b[i].name && a[i].value == b[i].value);
}

void require_same(const Target& a, const Target& b) {
    require(a.authority == b.authority && a.path_and_query() == b.path_and_query() && a.scheme == b.scheme);
}

void require_same(const RequestHead& a, const RequestHead& b) {
    require(a.method == b.method && a.framing == b.framing && a.length == b.length);
    require(a.keep_alive == b.keep_alive && a.expects_continue == b.expects_continue);
    require(a.upgrade == b.upgrade && a.websocket_key == b.websocket_key);
    require_same(a.target, b.target);
    require_same(a.fields, b.fields);
}

void require_same(const ResponseHead& a, const ResponseHead& b) {
    require(a.status == b.status && a.framing == b.framing && a.length == b.length);
    require(a.keep_alive == b.keep_alive && a.switched == b.switched);
    require_same(a.fields, b.fields);
}

void require_end_to_end(const Fields& fields) {
    for (const FieldView field : fields) {
        require(valid_field_name(field.name) && valid_field_value(field.value) && !is_hop_by_hop(field.name));
    }
}

// Both ways of arriving, which must agree; the head when there is one.
template <class Parse>
auto read_both_ways(std::string_view input, Parse parse) {
    HeadScan whole_scan;
    auto whole = parse(input, whole_scan);
    Pieces pieces{input};
    HeadScan scan;
    auto parted = parse(input.substr(0, 0), scan);
    for (std::size_t size = 0; size < input.size() && parted && !*parted;) {
        size += pieces.next(input.size() - size);
        parted = parse(input.substr(0, size), scan);
    }
    require(whole.has_value() == parted.has_value());
    if (!whole) {
        require(whole.error().status == parted.error().status && whole.error().why == parted.error().why);
        return std::remove_cvref_t<decltype(*whole)>{};
    }
    require(whole->has_value() == parted->has_value());
    if (*whole) {
        require((*whole)->bytes == (*parted)->bytes && (*whole)->version == (*parted)->version);
        require_same(**whole, **parted);
    }
    return std::move(*whole);
}

void fuzz_request(std::string_view input) {
    const auto parse = [](std::string_view bytes, HeadScan& scan) {
        return parse_request_head(bytes, "http", k_limits, scan);
    };
    auto head = read_both_ways(input, parse);
    if (!head) return;
    require(head->bytes <= input.size());
    require_end_to_end(head->fields);
    if (head->target.authority.host.empty()) return;  // HTTP/1.0 without Host has no form in HTTP/1.1

    std::string written;
    append_request_head(written, {.method = head->method,
                                  .target = head->target,
                                  .fields = head->fields,
                                  .framing = head->framing,
                                  .length = head->length,
                                  .keep_alive = head->keep_alive,
                                  .expect_continue = head->expects_continue,
                                  .websocket_key = head->websocket_key});
    HeadScan scan;
    const auto again = parse_request_head(written, "http", HeadLimits{}, scan);
    require(again && *again && (*again)->bytes == written.size());
    if (head->framing == Framing::none && (*again)->framing == Framing::length) head->framing = Framing::length;
    if (head->upgrade == Upgrade::websocket) head->keep_alive = true;  // a handshake says `upgrade` alone
    require_same(*head, **again);
}

void fuzz_response(std::string_view input, std::string_view method) {
    const auto parse = [method](std::string_view bytes, HeadScan& scan) {
        return parse_response_head(bytes, method, k_limits, scan);
    };
    const auto head = read_both_ways(input, parse);
    if (!head) return;
    require_end_to_end(head->fields);
    if (head->switched) return;

    const bool has_length = head->framing == Framing::none && head->length && head->status != 204;
    std::string written;
    append_response_head(written, {.status = head->status,
                                   .fields = head->fields,
                                   .framing = has_length ? Framing::length : head->framing,
                                   .length = head->length.value_or(0),
                                   .version = head->version,
                                   .keep_alive = head->keep_alive});
    HeadScan scan;
    const auto again = parse_response_head(written, method, HeadLimits{}, scan);
    require(again && *again && (*again)->bytes == written.size());
    require((*again)->status == head->status && (*again)->framing == head->framing);
    require((*again)->keep_alive == head->keep_alive);
    if (head->status >= 200 && head->status != 204) require((*again)->length == head->length);
    require_same((*again)->fields, head->fields);
}

struct Decoded {
    std::string body;
    std::optional<ParseFailure> failure;
    bool done = false;
    std::size_t consumed = 0;
    Fields trailers;
};

template <class NextPiece>
Decoded decode(std::string_view input, NextPiece next_piece, ChunkedDecoder::Limits limits = k_chunked_limits) {
    ChunkedDecoder decoder{limits};
    Decoded result;
    while (result.consumed < input.size() && !result.done) {
        const auto rest = input.substr(result.consumed);
        const auto step = decoder.feed(rest.substr(0, next_piece(rest.size())));
        if (!step) {
            result.failure = step.error();
            return result;
        }
        result.body.append(step->data);
        require(step->consumed > 0);
        result.consumed += step->consumed;
        result.done = step->done;
    }
    result.trailers = decoder.take_trailers();
    return result;
}

void fuzz_chunked(std::string_view input) {
    Pieces pieces{input};
    const auto all = [](std::size_t rest) { return rest; };
    const auto whole = decode(input, all);
    const auto parted = decode(input, [&pieces](std::size_t rest) { return pieces.next(rest); });
    require(whole.body == parted.body && whole.done == parted.done);
    require(whole.failure.has_value() == parted.failure.has_value());
    if (whole.failure) {
        require(whole.failure->why == parted.failure->why);
        return;
    }
    require(whole.consumed == parted.consumed);
    require_same(whole.trailers, parted.trailers);
    if (!whole.done) return;

    std::string written;
    if (!whole.body.empty()) {
        append_chunk_head(written, whole.body.size());
        written.append(whole.body).append("\r\n");
    }
    append_last_chunk(written, whole.trailers);
    const auto again = decode(written, all, {});  // a space behind each colon makes it longer than what was read
    require(again.done && again.body == whole.body && again.consumed == written.size());
    require_same(again.trailers, whole.trailers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    fuzz_request(input);
    for (const std::string_view method : {"GET", "HEAD", "CONNECT"}) fuzz_response(input, method);
    fuzz_chunked(input);
    return 0;
}

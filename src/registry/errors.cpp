#include "registry/errors.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <array>
#include <stdexcept>

namespace longshore::registry {
namespace {

constexpr std::string_view k_replacement = "\xEF\xBF\xBD";

// Length of the valid UTF-8 sequence at the start of `text`, or 0.
std::size_t utf8_sequence(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto first = at(0);
    if (first < 0x80) return 1;
    const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((at(i) & 0xC0) != 0x80) return 0;
    }
    if ((first == 0xE0 && at(1) < 0xA0) || (first == 0xED && at(1) > 0x9F)) return 0;
    if ((first == 0xF0 && at(1) < 0x90) || (first == 0xF4 && at(1) > 0x8F)) return 0;
    return size;
}

std::string as_utf8(std::string_view text) {
    std::string valid;
    valid.reserve(text.size());
    while (!text.empty()) {
        const auto size = utf8_sequence(text);
        valid.append(size == 0 ? k_replacement : text.substr(0, size));
        text.remove_prefix(size == 0 ? 1 : size);
    }
    return valid;
}

}  // namespace

std::string_view to_string(ErrorCode code) noexcept {
    static constexpr std::array<std::string_view, 17> k_names{"BLOB_UNKNOWN",
                                                              "BLOB_UPLOAD_INVALID",
                                                              "BLOB_UPLOAD_UNKNOWN",
                                                              "DIGEST_INVALID",
                                                              "MANIFEST_BLOB_UNKNOWN",
                                                              "MANIFEST_INVALID",
                                                              "MANIFEST_UNKNOWN",
                                                              "NAME_INVALID",
                                                              "NAME_UNKNOWN",
                                                              "SIZE_INVALID",
                                                              "TAG_INVALID",
                                                              "RANGE_INVALID",
                                                              "UNAUTHORIZED",
                                                              "DENIED",
                                                              "UNSUPPORTED",
                                                              "TOOMANYREQUESTS",
                                                              "UNKNOWN"};
    return k_names[static_cast<std::size_t>(code)];
}

void throw_exception_from_error(const Refusal& refusal, const boost::source_location& where) {
    throw std::logic_error("unchecked refusal at " + where.to_string() + ": " + refusal.message);
}

std::string json_string(std::string_view text) { return boost::json::serialize(boost::json::string{as_utf8(text)}); }

std::string error_body(const Refusal& refusal) {
    std::string body = R"({"errors":[{"code":")";
    body.append(to_string(refusal.code)).append(R"(","message":)").append(json_string(refusal.message));
    if (!refusal.detail_json.empty()) body.append(R"(,"detail":)").append(refusal.detail_json);
    return body.append("}]}\n");
}

http::Response refuse(const Refusal& refusal) {
    http::Response response;
    response.status = refusal.status;
    response.fields.add("content-type", "application/json");
    response.fields.add("docker-distribution-api-version", "registry/2.0");
    response.body = http::Body::of(error_body(refusal));
    return response;
}

http::Response refuse(http::Status status, ErrorCode code, std::string_view message, std::string_view detail_json) {
    return refuse(Refusal{status, code, std::string{message}, std::string{detail_json}});
}

}  // namespace longshore::registry

// Refusals in the form registry clients read: a JSON body with a code, never HTML and never an empty body.
//
// `detail_json`, when not empty, must be one JSON value; it stands in the body as it is.
// Threads: pure functions.
// Source: OCI distribution-spec, "Error codes"; TAG_INVALID, RANGE_INVALID and UNKNOWN as docker-registry uses them.
#pragma once

#include "http/message.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace longshore::registry {

enum class ErrorCode : std::uint8_t {
    blob_unknown,
    blob_upload_invalid,
    blob_upload_unknown,
    digest_invalid,
    manifest_blob_unknown,
    manifest_invalid,
    manifest_unknown,
    name_invalid,
    name_unknown,
    size_invalid,
    tag_invalid,
    range_invalid,
    unauthorized,
    denied,
    unsupported,
    too_many_requests,
    unknown
};

// "BLOB_UNKNOWN", "TOOMANYREQUESTS", ...
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

struct Refusal {
    http::Status status = 500;
    ErrorCode code = ErrorCode::unknown;
    std::string message;
    std::string detail_json;
};
[[noreturn]] void throw_exception_from_error(const Refusal& refusal, const boost::source_location& where);

// {"errors":[{"code":"...","message":"...","detail":...}]}
[[nodiscard]] std::string error_body(const Refusal& refusal);

// The response for it, with Content-Type and Docker-Distribution-API-Version.
[[nodiscard]] http::Response refuse(const Refusal& refusal);
[[nodiscard]] http::Response refuse(http::Status status, ErrorCode code, std::string_view message,
                                    std::string_view detail_json = {});

// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace longshore::registry

// One GET to a running process, for the client commands.
//
// Blocks. Errors: as http::ClientPool; too_large above 16 MiB of answer.
#pragma once

#include "http/message.hpp"

#include <string>

namespace longshore::app {

struct Answer {
    http::Status status = 0;
    std::string body;
};

// `unix_socket`: connect there instead; empty: to the URL's host.
[[nodiscard]] Result<Answer> ask(const std::string& url, const std::string& unix_socket = {});

}  // namespace longshore::app

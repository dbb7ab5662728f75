#include "access_line.hpp"

#include <cstdio>
#include <string>
#include <string_view>

namespace longshore::joint {
namespace {

std::string printable(std::string_view text) {
    std::string shown = text.empty() ? "-" : "";
    for (const char byte : text) shown += byte > ' ' && byte < '\x7f' ? byte : '?';
    return shown;
}

const char* name_of(http::Version version) {
    switch (version) {
        case http::Version::http1_0:
            return "HTTP/1.0";
        case http::Version::http1_1:
            return "HTTP/1.1";
        case http::Version::http2:
            return "HTTP/2";
        case http::Version::http3:
            return "HTTP/3";
    }
    return "-";
}

const char* name_of(http::Ending ending) {
    switch (ending) {
        case http::Ending::complete:
            return "complete";
        case http::Ending::client_left:
            return "client_left";
        case http::Ending::cut:
            return "cut";
    }
    return "-";
}

}  // namespace

void AccessLines::ended(const http::Exchange& exchange) noexcept {
    const auto cause = exchange.cause ? to_string(*exchange.cause) : std::string_view{"-"};
    std::fprintf(stderr, "%s %s%s %s %u in=%llu out=%llu %s %.*s\n", printable(exchange.method).c_str(),
                 printable(exchange.authority).c_str(), printable(exchange.path).c_str(), name_of(exchange.version),
                 exchange.status, static_cast<unsigned long long>(exchange.bytes_in),
                 static_cast<unsigned long long>(exchange.bytes_out), name_of(exchange.ending),
                 static_cast<int>(cause.size()), cause.data());
}

}  // namespace longshore::joint

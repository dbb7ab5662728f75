#include "base/error.hpp"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace longshore {

std::string_view to_string(Errc code) noexcept {
    static constexpr std::array<std::string_view, 13> k_names{
        "not found", "invalid",   "unauthenticated", "denied",     "conflict", "unsupported", "too large",
        "timeout",   "cancelled", "peer closed",     "overloaded", "corrupt",  "i/o error"};
    return k_names[static_cast<std::size_t>(code)];
}

std::string to_string(const Error& error) {
    std::string text{to_string(error.code)};
    if (!error.where.empty()) text.append(": ").append(error.where);
    return text;
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
    throw std::logic_error("unchecked error at " + where.to_string() + ": " + to_string(error));
}

Error errno_error(int number, std::string doing) {
    const auto code = [number] {
        switch (number) {
            case ENOENT:
            case ENOTDIR: return Errc::not_found;
            case EACCES:
            case EPERM: return Errc::denied;
            case EEXIST:
            case EADDRINUSE: return Errc::conflict;
            case ETIMEDOUT: return Errc::timeout;
            case ECANCELED: return Errc::cancelled;
            case ECONNRESET:
            case EPIPE:
            case ECONNREFUSED:
            case ECONNABORTED: return Errc::peer_closed;
            case EMFILE:
            case ENFILE:
            case ENOBUFS:
            case ENOMEM: return Errc::overloaded;
            case EINVAL: return Errc::invalid;
            default: return Errc::io;
        }
    }();
    doing.append(": ").append(std::generic_category().message(number));
    return {code, std::move(doing)};
}

}  // namespace longshore

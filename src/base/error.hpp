// Failures as values.
//
// Everything that can be expected to fail (outside input, network, disk) returns a Result. Exceptions mean a
// bug or a failed start-up; they are caught by the connection loop and by main only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace longshore {

enum class Errc : std::uint8_t {
    not_found,
    invalid,
    unauthenticated,
    denied,
    conflict,
    unsupported,
    too_large,
    timeout,
    cancelled,
    peer_closed,
    overloaded,
    corrupt,
    io
};

[[nodiscard]] std::string_view to_string(Errc code) noexcept;

struct Error {
    Errc code;          // what the caller can act on
    std::string where;  // what a human needs: "blob sha256:ab12 write: no space left"
    [[nodiscard]] bool retryable() const noexcept { return code == Errc::timeout || code == Errc::overloaded; }
};

// "timeout: connecting 127.0.0.1:80"
[[nodiscard]] std::string to_string(const Error& error);

// Reports a dropped-in-the-floor failure as an exception (a bug): boost::system::result calls it from value().
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

template <class T = void>
using Result = boost::system::result<T, Error>;

template <class T = void>
using Task = boost::asio::awaitable<T>;

// An Error from an errno value, with what was being done.
[[nodiscard]] Error errno_error(int number, std::string doing);

}  // namespace longshore

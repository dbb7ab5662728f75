// Which proxy carries a request to its origin, if any.
//
// Pure values; the tunnel through a proxy is proxy_tunnel.hpp. Errors: Errc::invalid or unsupported with the rule
// that was broken, never with the text itself, which may hold a password.
// Source: RFC 9110 §9.3.6 (CONNECT), RFC 7617 (Basic); NO_PROXY as Go and curl read it.
#pragma once

#include "http/target.hpp"

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::http {

struct Proxy {
    Authority authority;        // always with a port
    std::string authorization;  // the value of Proxy-Authorization, or empty; never logged

    // "http://user:pass@host:port"; without a scheme it is http, without a port 80.
    [[nodiscard]] static Result<Proxy> parse(std::string_view text);
    // Without credentials.
    [[nodiscard]] std::string to_string() const { return "http://" + authority.to_string(); }
    friend bool operator==(const Proxy&, const Proxy&) = default;
};

// Origins that are asked directly.
class NoProxy {
public:
    // "example.org" (and names below it), ".example.org" or "*.example.org" (names below it alone), "192.0.2.1",
    // "192.0.2.0/24", "[2001:db8::1]", each but a network with an optional port, and "*".
    [[nodiscard]] Result<> add(std::string_view entry);
    // A host is compared as it is written: names are not resolved for it.
    [[nodiscard]] bool covers(const Target& target) const;

private:
    struct Domain {
        std::string name;
        bool itself = true;
        std::uint16_t port = 0;  // 0: any
    };
    struct Network {
        boost::asio::ip::address address;
        unsigned prefix = 0;
        std::uint16_t port = 0;  // 0: any
    };
    bool all_ = false;
    std::vector<Domain> domains_;
    std::vector<Network> networks_;
};

struct ProxyRules {
    std::optional<Proxy> for_http;
    std::optional<Proxy> for_https;
    NoProxy except;
    bool loopback_too = false;  // else this machine is asked directly: `localhost`, 127.0.0.0/8, ::1

    // Null: directly.
    [[nodiscard]] const Proxy* for_target(const Target& target) const;
};

}  // namespace longshore::http

// One connection, spoken by a codec: what every codec takes and gives, whatever its version.
#pragma once

#include "http/exchange_log.hpp"
#include "http/load.hpp"
#include "http/message.hpp"
#include "http/metrics.hpp"
#include "net/stream.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace longshore::http {

// What one HTTP/2 connection may do at once, or spread over ten seconds, before it is closed with ENHANCE_YOUR_CALM.
struct Allowances {
    std::uint32_t resets = 200;           // streams the peer resets
    std::uint32_t control = 500;          // PING, SETTINGS, PRIORITY, unknown frames
    std::uint32_t empty_data = 200;       // DATA frames that carry nothing and end nothing
    std::uint32_t errors = 100;           // streams we reset for what the peer sent
    std::uint32_t window_updates = 1000;  // beyond ten for each DATA frame that it was sent
    std::uint32_t small_data = 20'000;    // DATA frames to a server that carry less than 64 bytes
};

struct SessionOptions {
    std::size_t target_bytes = 16 * 1024;  // longest request line
    std::size_t head_bytes = 32 * 1024;    // all fields of one message, decoded
    std::size_t field_count = 200;
    std::chrono::nanoseconds header_timeout = std::chrono::seconds{10};  // from the first byte of a head to its end
    std::chrono::nanoseconds idle_timeout = std::chrono::seconds{75};    // between requests
    std::chrono::nanoseconds body_idle_timeout =
        std::chrono::seconds{60};     // a peer that neither sends nor takes a byte
    std::uint64_t min_body_rate = 0;  // bytes per second; what a body moves at least, over body_idle_timeout
    std::uint32_t max_streams = 256;  // concurrent requests on one HTTP/2 connection
    Allowances allowances;
};

// The serving end of a connection. The pointees outlive the session.
struct ServerEnd {
    Handler* handler = nullptr;
    Load* load = nullptr;
    ExchangeLog* log = nullptr;  // may be null
    const SessionOptions* options = nullptr;
    std::shared_ptr<const Connection> connection;
    Metrics* metrics = nullptr;  // may be null
    // Whether the certificate shown covers this host; empty: every host is served (cleartext).
    std::function<bool(std::string_view host)> covers;
};

class Session {
public:
    virtual ~Session() = default;
    // Speaks until the connection is over; it is closed then. Once.
    [[nodiscard]] virtual Task<> run() = 0;
    // Takes its leave so that no request is lost: what is being answered ends normally, what the client had sent before
    // it could know is answered, then the connection closes. A client that may still send without knowing (HTTP/1 on
    // an idle connection) has `quiet` to do so.
    virtual void drain(std::chrono::nanoseconds quiet) noexcept = 0;
    // Tells WebSockets that we go away; those that were told are over two seconds later. How many were told.
    virtual std::size_t farewell() noexcept = 0;
    // Since when nothing has been asked; nothing while a request is being answered.
    [[nodiscard]] virtual std::optional<Deadline> idle_since() const noexcept = 0;
    // Ends an idle connection, as its idle timeout would.
    virtual void close_idle() noexcept = 0;
};

// 503 with Retry-After: what a request gets that load shedding turns away.
[[nodiscard]] Response turned_away();

// Ids for log lines: unique in the process, not guessable from each other's order across processes.
[[nodiscard]] std::uint64_t next_request_id() noexcept;

// "Fri, 20 Nov 2026 00:00:00 GMT" for now, remade once a second per thread.
[[nodiscard]] std::string_view current_date(WallTime now);

}  // namespace longshore::http

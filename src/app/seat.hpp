// One event loop of a role with everything that lives on it: servers, connections to upstreams, counters.
//
// Ownership: made and destroyed while its thread does not run. Threads: `loop` runs on a thread of its own; the
//            members are touched on it only.
#pragma once

#include "app/config.hpp"
#include "http/client_pool.hpp"
#include "http/server.hpp"
#include "net/loop.hpp"
#include "net/scope.hpp"
#include "net/wait.hpp"
#include "registry/mirror.hpp"
#include "telemetry/access_log.hpp"
#include "telemetry/memory.hpp"
#include "telemetry/watchdog.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace longshore::app {

// Handlers, contexts and logs that every loop shares; they outlive the seats.
struct Shared {
    net::Resolver& resolver;
    DiskPool& disk;
    std::shared_ptr<const tls::ClientContext> client_tls;
    http::Load& load;
    http::Load& admin_load;  // health is answered whatever the sites take on
};

class Seat {
public:
    Seat(const Clock& clock, std::size_t index, const Config& config, const Shared& shared);
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    ~Seat();

    [[nodiscard]] net::Loop& loop() noexcept { return loop_; }
    [[nodiscard]] http::ClientPool& upstreams() noexcept { return upstreams_; }
    [[nodiscard]] const telemetry::AccessLog& sites_log() const noexcept { return sites_log_; }
    // After `serve_sites`.
    [[nodiscard]] const tls::Handshakes& handshakes() const noexcept { return sites_->handshakes(); }
    [[nodiscard]] const telemetry::AccessLog& admin_log() const noexcept { return admin_log_; }
    [[nodiscard]] const http::Metrics& http_metrics() const noexcept { return http_metrics_; }

    // Before `start`.
    void serve_sites(registry::Mirror& mirror);
    void serve_admin(http::Handler& admin);
    // From this loop; `relieve` is called on it while memory is short.
    void watch_memory(const telemetry::MemoryUse& use, std::function<void()> relieve);
    // Signs of life to systemd from this loop, while every loop is alive.
    void report_alive(telemetry::ServiceManager& manager, telemetry::Pulse& pulse);
    void add_site(std::unique_ptr<net::Listener> listener, const tls::ServerContext* tls);
    void add_admin(std::unique_ptr<net::Listener> listener);
    // Work for this loop beside its clients, from its start until it drains.
    void add_errand(std::function<Task<>()> errand) { errands_.push_back(std::move(errand)); }

    // Called on the loop's thread: when the last client has gone, and when the loop has ended.
    struct Report {
        std::function<void()> drained;
        std::function<void()> ended;
    };
    void start(Report report);
    // From any thread: no new connections, `grace` for the requests under way, `quiet` for idle connections whose
    // client may be about to ask.
    struct Leave {
        std::chrono::nanoseconds grace;
        std::chrono::nanoseconds quiet;
        bool replaced = false;  // another process answers health and metrics already
    };
    void drain(Leave leave);
    // From any thread: the requests under way end at once.
    void cancel();
    // From any thread, when the clients of every loop have gone (they may be served by work on this one): ends what
    // goes on beyond requests, then the loop.
    void end();
    // From any thread: takes over what a reload may change.
    void retune(const Config& config, const registry::Mirror::Settings& mirror);
    // Waits for the thread.
    void join();

private:
    struct Door {
        std::unique_ptr<net::Listener> listener;
        const tls::ServerContext* tls;
    };
    [[nodiscard]] static Task<> live(Seat& seat);
    [[nodiscard]] static Task<> cut_after(Seat& seat, std::chrono::nanoseconds grace);

    net::Loop loop_;
    Shared shared_;
    http::SessionOptions session_;
    tls::HandshakeLimits handshakes_;
    http::ClientPool upstreams_;
    telemetry::AccessLog sites_log_;
    telemetry::AccessLog admin_log_;
    http::Metrics http_metrics_;
    registry::Mirror* mirror_ = nullptr;
    std::unique_ptr<http::Server> sites_;
    std::unique_ptr<http::Server> admin_;
    std::vector<Door> site_doors_;
    std::vector<Door> admin_doors_;
    std::vector<std::function<Task<>()>> errands_;
    std::optional<Leave> leave_;
    bool ending_ = false;
    net::Event told_;
    telemetry::ServiceManager* manager_ = nullptr;
    telemetry::Pulse* pulse_ = nullptr;
    const telemetry::MemoryUse* memory_ = nullptr;
    std::function<void()> relieve_;
    Report report_;
    net::Scope scope_;
    std::thread thread_;
};

// The codec's limits as configured.
[[nodiscard]] http::SessionOptions session_options(const HttpConfig& config);
[[nodiscard]] tls::HandshakeLimits handshake_limits(const TlsConfig& config);

}  // namespace longshore::app

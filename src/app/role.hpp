// A role at work: data directory, stores, loops, listeners, signals; from start to drained.
//
// Threads: made, run and destroyed on the main thread.
// Errors:  what a start fails with, naming the setting or path and what to do.
#pragma once

#include "app/app.hpp"
#include "app/hand_over.hpp"
#include "app/privilege.hpp"
#include "app/seat.hpp"
#include "base/data_dir.hpp"
#include "base/log_writer.hpp"
#include "registry/stores.hpp"
#include "telemetry/admin_handler.hpp"
#include "telemetry/health.hpp"
#include "telemetry/process.hpp"
#include "telemetry/systemd.hpp"
#include "telemetry/watchdog.hpp"
#include "tls/certificates.hpp"
#include "tls/development_ca.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace longshore::app {

class RunningRole {
public:
    // Listening when it returns. `log` and `clock` outlive it.
    [[nodiscard]] static Result<std::unique_ptr<RunningRole>> start(Start start, Privilege privilege, LogWriter& log,
                                                                    const Clock& clock);
    ~RunningRole();

    // Until a signal ends it.
    void run();

private:
    RunningRole(Start start, Privilege privilege, LogWriter& log, const Clock& clock);

    // A listener that is open and not at work yet.
    enum class Serves : std::uint8_t { sites, secure_sites, admin };
    struct Door {
        std::unique_ptr<net::Listener> listener;
        Serves serves;
    };
    // In this order; up to drop_privileges perhaps as root.
    [[nodiscard]] Result<> find_sockets();
    [[nodiscard]] Result<> build_upstreams();
    [[nodiscard]] Result<> read_certificates();
    [[nodiscard]] Result<> make_seats();
    [[nodiscard]] Result<> open_doors();
    [[nodiscard]] Result<> drop_privileges();
    [[nodiscard]] Result<> open_data();
    [[nodiscard]] Result<> open_stores();
    [[nodiscard]] Result<> prepare_tls();
    [[nodiscard]] Result<> make_services();
    [[nodiscard]] Result<> open_private_doors();
    [[nodiscard]] Result<> hang_doors();

    [[nodiscard]] Result<> find_predecessor();
    [[nodiscard]] Result<> adopt_activation_sockets();
    [[nodiscard]] Result<> open_door(const net::ListenAddress& address, Serves serves);
    [[nodiscard]] std::string data_path() const;
    [[nodiscard]] Result<> restore_data_dir();
    [[nodiscard]] static Task<> offer_hand_over(RunningRole& role);
    [[nodiscard]] static Task<> follow(RunningRole& role);
    [[nodiscard]] static Result<std::shared_ptr<const registry::Upstreams>> upstreams_of(const Config& config);
    [[nodiscard]] registry::Mirror::Settings mirror_settings() const;
    [[nodiscard]] Result<> prepare_client_tls();
    [[nodiscard]] Result<tls::ServerSettings> server_settings(const TlsConfig& config);
    void choose_kernel_tls();
    [[nodiscard]] std::vector<config::Mistake> reload_tls(const Config& fresh);
    // What differs from upstream to upstream: where to dial, whom to trust.
    struct Origin {
        http::Target url;
        http::OriginSettings settings;
    };
    [[nodiscard]] Result<std::vector<Origin>> origins_of(const Config& config, const registry::Upstreams& upstreams);
    void configure(const std::vector<Origin>& origins);
    [[nodiscard]] std::vector<const Measured*> measured() const;
    [[nodiscard]] http::Load::Limits load_limits() const;
    void serve_admin();
    void start_loops();
    void dismiss_predecessor();
    void await_signal();
    void on_signal(int number);
    enum class Why : std::uint8_t { signal, replaced };
    void stop(Why why);
    void reload();
    [[nodiscard]] std::vector<config::Mistake> take_on(const Config& fresh);
    void refuse(const std::vector<config::Mistake>& mistakes);
    void announce() const;

    const Clock& clock_;
    LogWriter& log_;
    Start start_;
    Privilege privilege_;
    Config config_;
    telemetry::ServiceManager manager_ = telemetry::ServiceManager::from_environment();
    boost::asio::io_context signals_context_{1};
    boost::asio::signal_set signals_{signals_context_};
    std::size_t serving_ = 0;  // loops with clients
    std::size_t running_ = 0;  // loops
    bool stopping_ = false;
    std::size_t descriptors_ = 0;  // the process may have

    net::InheritedSockets inherited_;
    std::optional<Predecessor> predecessor_;
    std::optional<DataDir> data_;
    std::optional<registry::Stores> stores_;
    std::shared_ptr<const registry::Upstreams> upstreams_;
    std::unique_ptr<registry::Metrics> mirror_metrics_;
    std::shared_ptr<tls::FileCertificates> certificates_;
    std::shared_ptr<const tls::Certificates> shown_;  // those and the development authority's
    bool kernel_tls_ = false;
    tls::ServerSettings server_settings_;  // until the context is made
    std::unique_ptr<tls::ServerContext> server_tls_;
    std::shared_ptr<const tls::ClientContext> client_tls_;
    std::vector<net::ListenAddress> listening_;

    std::unique_ptr<telemetry::MemoryUse> memory_;
    http::Load load_{{}};
    http::Load admin_load_{{.connections = 64, .requests = 256}};
    net::Resolver resolver_;
    std::vector<std::unique_ptr<Seat>> seats_;
    std::vector<Door> doors_;  // until they hang
    std::unique_ptr<net::Listener> hand_over_door_;
    std::unique_ptr<HandOver> hand_over_;
    std::unique_ptr<registry::Shards> shards_;
    std::unique_ptr<registry::Mirror> mirror_;
    std::unique_ptr<telemetry::Process> process_;
    std::unique_ptr<telemetry::Readiness> readiness_;
    std::unique_ptr<telemetry::Pulse> pulse_;
    std::unique_ptr<telemetry::AdminHandler> admin_;
    // Last: its threads end before anything they may still touch.
    DiskPool disk_;
};

}  // namespace longshore::app

#include "app/seat.hpp"

#include "app/proxies.hpp"
#include "base/log.hpp"

#include <boost/asio/post.hpp>

namespace longshore::app {
namespace {

constexpr std::chrono::milliseconds k_parting_time{2500};  // of WebSockets that were told

http::PoolOptions pool_options(const Config& config) {
    http::PoolOptions options;
    options.session.body_idle_timeout = config.mirror.read_timeout;
    options.connect_timeout = config.mirror.connect_timeout;
    options.response_timeout = config.mirror.response_timeout;
    options.connections_per_origin = config.mirror.max_connections;
    options.waiting_per_origin = config.mirror.max_waiting;
    options.proxies = proxy_rules(config);
    return options;
}

}  // namespace

http::SessionOptions session_options(const HttpConfig& config) {
    http::SessionOptions options;
    options.target_bytes = config.target_bytes;
    options.head_bytes = config.header_bytes;
    options.field_count = config.field_count;
    options.header_timeout = config.header_timeout;
    options.idle_timeout = config.idle_timeout;
    options.body_idle_timeout = config.body_idle_timeout;
    options.min_body_rate = config.min_body_rate;
    options.max_streams = static_cast<std::uint32_t>(config.max_streams);
    options.allowances = {.resets = static_cast<std::uint32_t>(config.stream_resets),
                          .control = static_cast<std::uint32_t>(config.control_frames),
                          .empty_data = static_cast<std::uint32_t>(config.empty_frames),
                          .errors = static_cast<std::uint32_t>(config.stream_errors),
                          .window_updates = static_cast<std::uint32_t>(config.window_updates),
                          .small_data = static_cast<std::uint32_t>(config.small_frames)};
    return options;
}

tls::HandshakeLimits handshake_limits(const TlsConfig& config) {
    return {config.handshakes, config.handshake_rate, config.handshake_timeout};
}

Seat::Seat(const Clock& clock, std::size_t index, const Config& config, const Shared& shared)
    : loop_(clock, index),
      shared_(shared),
      session_(session_options(config.http)),
      handshakes_(handshake_limits(config.tls)),
      upstreams_({shared.resolver, shared.disk, shared.client_tls}, pool_options(config)),
      sites_log_("sites"),
      admin_log_("admin") {
    sites_log_.write_lines(config.log.access);
    admin_log_.write_lines(config.log.access);
}

Seat::~Seat() { join(); }

void Seat::serve_sites(registry::Mirror& mirror) {
    mirror_ = &mirror;
    sites_ = std::make_unique<http::Server>(
        loop_, http::Server::Parts{mirror, shared_.load, &sites_log_, session_, shared_.disk, &http_metrics_});
    sites_->handshakes().set(handshakes_);
}

void Seat::serve_admin(http::Handler& admin) {
    admin_ = std::make_unique<http::Server>(
        loop_, http::Server::Parts{admin, shared_.admin_load, &admin_log_, session_, shared_.disk, &http_metrics_});
}

void Seat::watch_memory(const telemetry::MemoryUse& use, std::function<void()> relieve) {
    memory_ = &use;
    relieve_ = std::move(relieve);
}

void Seat::report_alive(telemetry::ServiceManager& manager, telemetry::Pulse& pulse) {
    manager_ = &manager;
    pulse_ = &pulse;
}

void Seat::add_site(std::unique_ptr<net::Listener> listener, const tls::ServerContext* tls) {
    site_doors_.push_back({std::move(listener), tls});
}

void Seat::add_admin(std::unique_ptr<net::Listener> listener) {
    admin_doors_.push_back({std::move(listener), nullptr});
}

void Seat::start(Report report) {
    report_ = std::move(report);
    boost::asio::post(loop_.context(), [this] { scope_.start(live(*this)); });
    thread_ = std::thread{[this] {
        try {
            loop_.run();
            report_.ended();
        } catch (const std::exception& bug) {
            log(LogLevel::fatal, "loop_failed", {{"loop", loop_.index()}, {"why", bug.what()}});
            std::abort();
        }
    }};
}

Task<> Seat::live(Seat& seat) {
    for (auto& door : seat.site_doors_) seat.sites_->listen(std::move(door.listener), door.tls);
    if (seat.mirror_ != nullptr && seat.loop_.index() == 0) seat.mirror_->keep_house();
    for (auto& door : seat.admin_doors_) seat.admin_->listen(std::move(door.listener));
    std::optional<telemetry::Watchdog> watchdog;
    if (seat.manager_ != nullptr) watchdog.emplace(seat.loop_, *seat.manager_, *seat.pulse_);
    std::optional<telemetry::MemoryWatch> memory;
    if (seat.memory_ != nullptr) {
        memory.emplace(seat.loop_,
                       telemetry::MemoryWatch::Parts{*seat.memory_, seat.shared_.load, std::move(seat.relieve_)});
    }
    net::Scope errands;
    for (auto& errand : seat.errands_) errands.start(errand());
    while (!seat.leave_) (void)co_await seat.told_.wait(Deadline::max());
    errands.cancel();
    co_await errands.join();
    if (seat.admin_ && seat.leave_->replaced) seat.admin_->drain(seat.leave_->quiet);
    net::Scope cutting;
    cutting.start(cut_after(seat, seat.leave_->grace));
    if (seat.sites_) {
        seat.sites_->drain(seat.leave_->quiet);
        co_await seat.sites_->join();
    }
    seat.report_.drained();
    while (!seat.ending_) (void)co_await seat.told_.wait(Deadline::max());
    if (seat.mirror_ != nullptr) co_await seat.mirror_->close();
    co_await seat.upstreams_.close();
    // Health and metrics are answered to the end.
    if (seat.admin_) {
        seat.admin_->drain({});
        seat.admin_->cancel();
        co_await seat.admin_->join();
    }
    cutting.cancel();
    co_await cutting.join();
    seat.loop_.stop();
}

Task<> Seat::cut_after(Seat& seat, std::chrono::nanoseconds grace) {
    const auto why = co_await net::sleep(after(seat.loop_.now(), grace));
    if (why.code != Errc::timeout) co_return;
    if (!seat.sites_) co_return;
    const auto told = seat.sites_->farewell();
    if (seat.sites_->connections() > told) {
        log(LogLevel::warning, "grace_period_over", {{"connections", seat.sites_->connections() - told}});
    }
    if (told != 0) (void)co_await net::sleep(seat.loop_.now() + k_parting_time);
    seat.sites_->cancel();
}

void Seat::drain(Leave leave) {
    boost::asio::post(loop_.context(), [this, leave] {
        leave_ = leave;
        told_.notify();
    });
}

void Seat::end() {
    boost::asio::post(loop_.context(), [this] {
        ending_ = true;
        told_.notify();
    });
}

void Seat::cancel() {
    boost::asio::post(loop_.context(), [this] {
        if (sites_) sites_->cancel();
    });
}

void Seat::retune(const Config& config, const registry::Mirror::Settings& mirror) {
    boost::asio::post(loop_.context(), [this, options = session_options(config.http), pool = pool_options(config),
                                        lines = config.log.access, limits = handshake_limits(config.tls), mirror] {
        session_ = options;
        sites_->handshakes().set(limits);
        sites_log_.write_lines(lines);
        admin_log_.write_lines(lines);
        upstreams_.set(pool);
        mirror_->set(mirror);
    });
}

void Seat::join() {
    if (thread_.joinable()) thread_.join();
}

}  // namespace longshore::app

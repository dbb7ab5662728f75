#include "app/role.hpp"

#include "app/proxies.hpp"
#include "base/free_memory.hpp"
#include "base/log.hpp"
#include "config/changed.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>

namespace longshore::app {
namespace {

constexpr std::chrono::seconds k_quiet{1};  // for clients of idle connections to ask once more

std::size_t loop_count(const Config& config) {
    return config.loops != 0 ? config.loops : std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

// As many descriptors as the machine allows; how many that is.
std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
    (void)::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

}  // namespace

RunningRole::RunningRole(Start start, Privilege privilege, LogWriter& log, const Clock& clock)
    : clock_(clock),
      log_(log),
      start_(std::move(start)),
      privilege_(std::move(privilege)),
      config_(start_.config),
      disk_(config_.disk_threads) {
    descriptors_ = raise_descriptor_limit();
    load_.set(load_limits());
    // From here on a signal waits for `run` instead of ending the process.
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) signals_.add(number);
}

RunningRole::~RunningRole() {
    for (const auto& seat : seats_) seat->join();
}

Result<std::unique_ptr<RunningRole>> RunningRole::start(Start start, Privilege privilege, LogWriter& log,
                                                        const Clock& clock) {
    std::unique_ptr<RunningRole> role{new RunningRole{std::move(start), std::move(privilege), log, clock}};
    const auto steps = {&RunningRole::find_sockets,  &RunningRole::build_upstreams,    &RunningRole::read_certificates,
                        &RunningRole::make_seats,    &RunningRole::open_doors,         &RunningRole::drop_privileges,
                        &RunningRole::open_data,     &RunningRole::open_stores,        &RunningRole::prepare_tls,
                        &RunningRole::make_services, &RunningRole::open_private_doors, &RunningRole::hang_doors};
    for (const auto step : steps) {
        if (auto done = (role.get()->*step)(); !done) {
            role->doors_.clear();
            role->hand_over_.reset();
            role->hand_over_door_.reset();
            role->seats_.clear();
            return done.error();
        }
    }
    role->dismiss_predecessor();
    role->start_loops();
    role->announce();
    return role;
}

std::string RunningRole::data_path() const { return std::filesystem::absolute(config_.data_dir).string(); }

Result<> RunningRole::drop_privileges() {
    if (::geteuid() == 0 && !privilege_.changes()) {
        log(LogLevel::warning, "running_as_root", {{"fix", "name an ordinary user with --user, or start as one"}});
    }
    return privilege_.drop();
}

Result<> RunningRole::open_stores() {
    auto& files = system_files();
    auto restore = [this] { return restore_data_dir(); };
    using Leftovers = registry::Staging::Leftovers;
    auto stores = registry::Stores::open(files, data_->path() + "/mirror",
                                         predecessor_ ? Leftovers::keep : Leftovers::remove, std::move(restore));
    if (!stores) return stores.error();
    stores_.emplace(std::move(*stores));
    return {};
}

Result<std::shared_ptr<const registry::Upstreams>> RunningRole::upstreams_of(const Config& config) {
    registry::UpstreamOptions options{.base_domain = config.base_domain, .default_hosts = config.mirror.default_hosts};
    for (const auto& [name, upstream] : config.mirror.upstreams) {
        if (!upstream.enabled) options.disabled.push_back(name);
        if (upstream.allow_private_redirects) options.private_redirects.push_back(name);
        options.proxies[name] = proxy_rules(upstream);
        if (upstream.url.empty()) continue;
        auto url = http::Target::from_url(upstream.url);
        if (!url) return url.error();
        if (!upstream.host.empty()) url->authority.host = upstream.host;
        options.settings.push_back({name, std::move(*url)});
    }
    auto upstreams = registry::Upstreams::build(std::move(options));
    if (!upstreams) return upstreams.error();
    return std::make_shared<const registry::Upstreams>(std::move(*upstreams));
}

Result<> RunningRole::build_upstreams() {
    auto upstreams = upstreams_of(config_);
    if (!upstreams) return upstreams.error();
    upstreams_ = std::move(*upstreams);
    std::vector<std::string> names;
    for (const auto& upstream : upstreams_->all()) names.push_back(upstream.name);
    mirror_metrics_ = std::make_unique<registry::Metrics>(std::move(names));
    return {};
}

registry::Mirror::Settings RunningRole::mirror_settings() const {
    return {upstreams_, {config_.mirror.tag_ttl, config_.mirror.manifest_limit, config_.mirror.memory_limit}};
}

// The rest of the descriptors is for files, upstreams and the admin listener.
http::Load::Limits RunningRole::load_limits() const {
    const auto connections = config_.http.max_connections;
    return {.connections = connections != 0 ? connections : descriptors_ - descriptors_ / 4,
            .requests = config_.http.max_requests};
}

Result<> RunningRole::make_seats() {
    const Shared shared{resolver_, disk_, client_tls_, load_, admin_load_};
    for (std::size_t index = 0; index < loop_count(config_); ++index) {
        seats_.push_back(std::make_unique<Seat>(clock_, index, config_, shared));
    }
    return {};
}

Result<> RunningRole::make_services() {
    std::vector<registry::Shards::Seat> homes;
    std::vector<boost::asio::io_context*> contexts;
    for (const auto& seat : seats_) {
        homes.push_back({&seat->loop(), &seat->upstreams()});
        contexts.push_back(&seat->loop().context());
    }
    shards_ = std::make_unique<registry::Shards>(homes);
    mirror_ = std::make_unique<registry::Mirror>(
        registry::Mirror::Parts{*shards_, *stores_->manifests, *stores_->blobs, disk_, *mirror_metrics_, load_},
        mirror_settings());
    for (const auto& seat : seats_) seat->serve_sites(*mirror_);
    pulse_ = std::make_unique<telemetry::Pulse>(clock_, std::move(contexts), std::chrono::seconds{2});
    serve_admin();
    const auto origins = origins_of(config_, *upstreams_);
    if (!origins) return origins.error();
    configure(*origins);
    return {};
}

void RunningRole::serve_admin() {
    process_ = std::make_unique<telemetry::Process>(system_files());
    memory_ = std::make_unique<telemetry::MemoryUse>(system_files(), config_.memory_max);
    readiness_ = std::make_unique<telemetry::Readiness>(std::vector<telemetry::Check>{});
    admin_ = std::make_unique<telemetry::AdminHandler>(
        telemetry::AdminHandler::Parts{*readiness_, *pulse_, measured(), {config_.base_domain}});
    seats_.front()->serve_admin(*admin_);
    seats_.front()->watch_memory(*memory_, [this] {
        for (const auto& seat : seats_) boost::asio::post(seat->loop().context(), return_free_memory);
    });
    seats_.front()->report_alive(manager_, *pulse_);
}

std::vector<const Measured*> RunningRole::measured() const {
    std::vector<const Measured*> all{mirror_metrics_.get(), process_.get(), memory_.get(), &load_, &log_, &resolver_};
    for (const auto& seat : seats_) {
        all.push_back(&seat->sites_log());
        all.push_back(&seat->handshakes());
        all.push_back(&seat->admin_log());
        all.push_back(&seat->http_metrics());
    }
    return all;
}

// Clients of one loop may be served by work on another: the loops end once the clients of all have gone. The last
// loop to end ends the wait for signals.
void RunningRole::start_loops() {
    serving_ = running_ = seats_.size();
    const auto drained = [this] {
        if (--serving_ != 0) return;
        for (const auto& seat : seats_) seat->end();
    };
    const auto ended = [this] {
        if (--running_ == 0) signals_context_.stop();
    };
    for (const auto& seat : seats_) {
        seat->start({[this, drained] { boost::asio::post(signals_context_, drained); },
                     [this, ended] { boost::asio::post(signals_context_, ended); }});
    }
}

void RunningRole::announce() const {
    for (const auto& address : listening_) log(LogLevel::info, "listening", {{"address", address.to_string()}});
    log(LogLevel::info, "ready",
        {{"version", LONGSHORE_VERSION},
         {"data_dir", data_->path()},
         {"loops", seats_.size()},
         {"descriptors", descriptors_}});
}

void RunningRole::run() {
    await_signal();
    if (auto told = manager_.ready("serving"); !told)
        log(LogLevel::warning, "sd_notify_failed", {{"why", to_string(told.error())}});
    const auto work = boost::asio::make_work_guard(signals_context_);
    signals_context_.run();
    for (const auto& seat : seats_) seat->join();
    hand_over_.reset();
    hand_over_door_.reset();
    seats_.clear();
    log(LogLevel::info, "stopped");
}

void RunningRole::await_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (!error) on_signal(number);
    });
}

void RunningRole::on_signal(int number) {
    if (number == SIGHUP) {
        reload();
    } else if (!stopping_) {
        stop(Why::signal);
    } else {
        log(LogLevel::warning, "stopping_at_once");
        for (const auto& seat : seats_) seat->cancel();
    }
    await_signal();
}

void RunningRole::stop(Why why) {
    if (stopping_) return;
    stopping_ = true;
    readiness_->drain();
    (void)manager_.stopping("draining");
    log(LogLevel::info, "draining",
        {{"grace_ms", config_.grace_period.count()}, {"why", why == Why::replaced ? "replaced" : "signal"}});
    Seat::Leave leave{config_.grace_period, config_.grace_period, why == Why::replaced};
    // Nobody waits for this process when another has its sockets.
    if (why == Why::signal) leave.quiet = std::min<std::chrono::nanoseconds>(leave.grace, k_quiet);
    for (const auto& seat : seats_) seat->drain(leave);
}

void RunningRole::reload() {
    (void)manager_.reloading(clock_.now());
    auto loaded = start_.reload();
    if (loaded.ok()) loaded.mistakes = take_on(loaded.value);
    if (!loaded.ok()) {
        refuse(loaded.mistakes);
        return;
    }
    for (const auto& change : config::changed(config_, loaded.value)) {
        if (change.reload == config::Reload::restart)
            log(LogLevel::warning, "needs_restart", {{"setting", change.path}});
    }
    log(LogLevel::info, "reloaded");
    (void)manager_.ready("serving");
}

void RunningRole::refuse(const std::vector<config::Mistake>& mistakes) {
    for (const auto& mistake : mistakes) {
        log(LogLevel::error, "config_mistake",
            {{"path", mistake.path},
             {"place", config::to_string(mistake.origin)},
             {"text", mistake.text},
             {"fix", mistake.fix}});
    }
    log(LogLevel::error, "reload_refused", {{"mistakes", mistakes.size()}});
    (void)manager_.ready("serving; the last reload was refused");
}

// Builds everything first; what cannot be built leaves all as it was.
std::vector<config::Mistake> RunningRole::take_on(const Config& fresh) {
    auto upstreams = upstreams_of(fresh);
    if (!upstreams) return {{"mirror.upstreams", {}, upstreams.error().where, {}}};
    const auto origins = origins_of(fresh, **upstreams);
    if (!origins) return {{"mirror.upstreams", {}, origins.error().where, {}}};
    if (server_tls_) {
        if (auto mistakes = reload_tls(fresh); !mistakes.empty()) return mistakes;
    }
    upstreams_ = std::move(*upstreams);
    config_.log.level = fresh.log.level;
    config_.log.access = fresh.log.access;
    config_.grace_period = fresh.grace_period;
    config_.certificates = fresh.certificates;
    config_.http = fresh.http;
    config_.tls = fresh.tls;
    config_.mirror = fresh.mirror;
    load_.set(load_limits());
    config_.environment = fresh.environment;
    log_.restyle({config_.log.format, config_.log.level});
    for (const auto& seat : seats_) seat->retune(config_, mirror_settings());
    configure(*origins);
    return {};
}

}  // namespace longshore::app

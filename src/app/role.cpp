#include "app/role.hpp"

#include "app/alone.hpp"
#include "app/proxies.hpp"
#include "base/free_memory.hpp"
#include "base/log.hpp"
#include "config/changed.hpp"
#include "tls/kernel_tls.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>

namespace longshore::app {
namespace {

std::size_t loop_count(const Config& config) {
    return config.loops != 0 ? config.loops : std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

Result<std::shared_ptr<const tls::ClientContext>> client_context(Files& files, DiskPool& disk,
                                                                 const std::string& roots_file) {
    auto roots = run_alone(tls::TrustRoots::load(files, disk, {roots_file}));
    if (!roots) return roots.error();
    auto context = tls::ClientContext::make({.roots = std::move(*roots)}, disk);
    if (!context) return context.error();
    return std::shared_ptr<const tls::ClientContext>{std::move(*context)};
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

RunningRole::RunningRole(Start start, LogWriter& log, const Clock& clock)
    : clock_(clock), log_(log), start_(std::move(start)), config_(start_.config), disk_(config_.disk_threads) {
    descriptors_ = raise_descriptor_limit();
    load_.set(load_limits());
    // From here on a signal waits for `run` instead of ending the process.
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) signals_.add(number);
}

RunningRole::~RunningRole() {
    for (const auto& seat : seats_) seat->join();
}

Result<std::unique_ptr<RunningRole>> RunningRole::start(Start start, LogWriter& log, const Clock& clock) {
    std::unique_ptr<RunningRole> role{new RunningRole{std::move(start), log, clock}};
    const auto steps = {&RunningRole::open_stores, &RunningRole::build_upstreams, &RunningRole::prepare_tls,
                        &RunningRole::make_seats, &RunningRole::open_listeners};
    for (const auto step : steps) {
        if (auto done = (role.get()->*step)(); !done) {
            role->seats_.clear();
            return done.error();
        }
    }
    role->start_loops();
    role->announce();
    return role;
}

Result<> RunningRole::open_stores() {
    auto& files = system_files();
    auto data = DataDir::open(files, std::filesystem::absolute(config_.data_dir).string());
    if (!data) return data.error();
    data_.emplace(std::move(*data));
    auto restore = [this] { return restore_data_dir(); };
    auto stores = registry::Stores::open(files, data_->path() + "/mirror", std::move(restore));
    if (!stores) return stores.error();
    stores_.emplace(std::move(*stores));
    return {};
}

Result<> RunningRole::restore_data_dir() {
    const auto restored = data_->restore();
    if (!restored) return restored.error();
    if (*restored) log(LogLevel::warning, "data_dir_made_again", {{"path", data_->path()}});
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

// Without trust roots on the machine, upstreams without TLS or with a ca_file still work; the rest say what is missing.
Result<> RunningRole::prepare_client_tls() {
    auto& files = system_files();
    const auto roots_file = tls::system_roots_file(files);
    if (!roots_file) {
        log(LogLevel::warning, "no_trust_roots",
            {{"why", to_string(roots_file.error())}, {"fix", "install ca-certificates"}});
        return {};
    }
    auto context = client_context(files, disk_, *roots_file);
    if (!context) return context.error();
    client_tls_ = std::move(*context);
    return {};
}

// What differs from upstream to upstream: where to dial, whom to trust.
Result<> RunningRole::configure_upstreams() {
    for (const auto& [name, upstream] : config_.mirror.upstreams) {
        const auto* const known = upstreams_->find(name);
        if (known == nullptr) continue;
        http::OriginSettings settings;
        if (!upstream.host.empty()) {
            const auto url = http::Target::from_url(upstream.url);
            if (!url) return url.error();
            settings.dial_host = url->authority.host;
            settings.dial_port = url->port();
        }
        if (!upstream.ca_file.empty()) {
            auto context = client_context(system_files(), disk_, upstream.ca_file);
            if (!context) return context.error();
            settings.tls = std::move(*context);
        }
        for (const auto& seat : seats_) {
            boost::asio::post(seat->loop().context(), [&seat = *seat, url = known->url, settings] {
                seat.upstreams().configure(url, settings);
            });
        }
    }
    return {};
}

std::vector<tls::CertificatePair> RunningRole::certificate_pairs() const {
    std::vector<tls::CertificatePair> pairs;
    for (const auto& pair : config_.certificates) pairs.push_back({pair.cert, pair.key});
    return pairs;
}

Result<> RunningRole::prepare_tls() {
    auto& files = system_files();
    if (auto prepared = prepare_client_tls(); !prepared) return prepared;
    if (config_.tls_listen.empty()) return {};

    std::vector<std::shared_ptr<const tls::Certificates>> sources;
    certificates_ = std::make_shared<tls::FileCertificates>(files, disk_);
    auto mistakes = run_alone(certificates_->load(certificate_pairs()));
    if (!mistakes.empty()) return mistakes.front();
    sources.push_back(certificates_);
    if (config_.development_ca) {
        std::vector<std::string> names{config_.base_domain};
        if (config_.base_domain != "localhost") names.emplace_back("localhost");
        auto authority = tls::DevelopmentCa::open(files, clock_, data_->path() + "/development-ca", std::move(names));
        if (!authority) return authority.error();
        log(LogLevel::info, "development_ca", {{"trust", (*authority)->certificate_file()}});
        sources.push_back(std::move(*authority));
    }
    shown_ = std::make_shared<tls::CertificateSources>(std::move(sources));
    choose_kernel_tls();
    auto settings = server_settings(config_.tls);
    if (!settings) return settings.error();
    auto server = tls::ServerContext::make(shown_, std::move(*settings), disk_);
    if (!server) return server.error();
    server_tls_ = std::move(*server);
    return {};
}

// The rest of the descriptors is for files, upstreams and the admin listener.
http::Load::Limits RunningRole::load_limits() const {
    const auto connections = config_.http.max_connections;
    return {.connections = connections != 0 ? connections : descriptors_ - descriptors_ / 4,
            .requests = config_.http.max_requests};
}

void RunningRole::choose_kernel_tls() {
    if (!config_.tls.kernel_tls) return;
    const auto probed = tls::probe_kernel_tls();
    kernel_tls_ = probed.has_value();
    if (probed) {
        log(LogLevel::info, "kernel_tls", {{"encrypts", "kernel"}});
    } else {
        log(LogLevel::warning, "kernel_tls_unavailable",
            {{"why", probed.error().where}, {"fix", "load the kernel module tls, or set tls.kernel_tls to false"}});
    }
}

Result<tls::ServerSettings> RunningRole::server_settings(const TlsConfig& config) {
    tls::ServerSettings settings;
    settings.kernel_tls = kernel_tls_;
    if (config.client_ca.empty()) return settings;
    auto roots = run_alone(tls::TrustRoots::load(system_files(), disk_, {config.client_ca}));
    if (!roots) return Error{roots.error().code, "tls.client_ca: " + roots.error().where};
    settings.client_roots = std::move(*roots);
    settings.client_certificate = config.client_certificates == ClientCertificates::required
                                      ? tls::ClientCertificate::required
                                      : tls::ClientCertificate::optional;
    return settings;
}

// From the next handshake on. What cannot be read leaves in place what is there.
void RunningRole::reload_tls(const Config& fresh) {
    auto settings = server_settings(fresh.tls);
    auto replaced = settings ? server_tls_->replace(shown_, std::move(*settings)) : Result<>{settings.error()};
    if (!replaced) {
        log(LogLevel::error, "client_ca_not_loaded",
            {{"why", to_string(replaced.error())}, {"effect", "the authorities read before stay"}});
    }
    const auto mistakes = run_alone(certificates_->load(certificate_pairs()));
    for (const auto& mistake : mistakes) {
        log(LogLevel::error, "certificate_not_loaded",
            {{"why", to_string(mistake)}, {"effect", "the certificates read before stay"}});
    }
    if (mistakes.empty()) log(LogLevel::info, "certificates_loaded", {{"certificates", certificates_->all().size()}});
}

Result<> RunningRole::make_seats() {
    const Shared shared{resolver_, disk_, client_tls_, load_, admin_load_};
    std::vector<registry::Shards::Seat> homes;
    std::vector<boost::asio::io_context*> contexts;
    for (std::size_t index = 0; index < loop_count(config_); ++index) {
        auto& seat = *seats_.emplace_back(std::make_unique<Seat>(clock_, index, config_, shared));
        homes.push_back({&seat.loop(), &seat.upstreams()});
        contexts.push_back(&seat.loop().context());
    }
    shards_ = std::make_unique<registry::Shards>(homes);
    mirror_ = std::make_unique<registry::Mirror>(
        registry::Mirror::Parts{*shards_, *stores_->manifests, *stores_->blobs, disk_, *mirror_metrics_, load_},
        mirror_settings());
    for (const auto& seat : seats_) seat->serve_sites(*mirror_);
    pulse_ = std::make_unique<telemetry::Pulse>(clock_, std::move(contexts), std::chrono::seconds{2});
    serve_admin();
    return configure_upstreams();
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

Result<> RunningRole::open_sites(const std::vector<std::string>& addresses, const tls::ServerContext* tls) {
    std::vector<net::Loop*> loops;
    for (const auto& seat : seats_) loops.push_back(&seat->loop());
    for (const auto& text : addresses) {
        const auto address = net::ListenAddress::parse(text);
        if (!address) return address.error();
        auto listeners = net::Listener::open_on_all(loops, *address);
        if (!listeners) return listeners.error();
        listening_.push_back(listeners->front()->address());
        for (std::size_t i = 0; i < listeners->size(); ++i) seats_[i]->add_site(std::move((*listeners)[i]), tls);
    }
    return {};
}

Result<> RunningRole::open_listeners() {
    if (auto opened = open_sites(config_.listen, nullptr); !opened) return opened;
    if (auto opened = open_sites(config_.tls_listen, server_tls_.get()); !opened) return opened;
    std::vector<std::string> admin{"unix:" + data_->path() + "/admin.sock"};
    if (!config_.admin_listen.empty()) admin.push_back(config_.admin_listen);
    net::Loop* const first[] = {&seats_.front()->loop()};
    for (const auto& text : admin) {
        const auto address = net::ListenAddress::parse(text);
        if (!address && text.starts_with("unix:")) {
            log(LogLevel::warning, "no_admin_socket",
                {{"why", address.error().where}, {"fix", "use a shorter data_dir"}});
            continue;
        }
        if (!address) return address.error();
        auto listeners = net::Listener::open_on_all(first, *address);
        if (!listeners) return listeners.error();
        listening_.push_back(listeners->front()->address());
        seats_.front()->add_admin(std::move(listeners->front()));
    }
    return {};
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
        stop();
    } else {
        log(LogLevel::warning, "stopping_at_once");
        for (const auto& seat : seats_) seat->cancel();
    }
    await_signal();
}

void RunningRole::stop() {
    stopping_ = true;
    readiness_->drain();
    (void)manager_.stopping("draining");
    log(LogLevel::info, "draining", {{"grace_ms", config_.grace_period.count()}});
    for (const auto& seat : seats_) seat->drain(config_.grace_period);
}

void RunningRole::reload() {
    (void)manager_.reloading(clock_.now());
    auto loaded = start_.reload();
    if (!loaded.ok()) {
        for (const auto& mistake : loaded.mistakes) {
            log(LogLevel::error, "config_mistake",
                {{"path", mistake.path}, {"text", mistake.text}, {"fix", mistake.fix}});
        }
        log(LogLevel::error, "reload_refused", {{"mistakes", loaded.mistakes.size()}});
        (void)manager_.ready("serving; the last reload was refused");
        return;
    }
    for (const auto& change : config::changed(config_, loaded.value)) {
        if (change.reload == config::Reload::restart)
            log(LogLevel::warning, "needs_restart", {{"setting", change.path}});
    }
    take_over(loaded.value);
    log(LogLevel::info, "reloaded");
    (void)manager_.ready("serving");
}

void RunningRole::take_over(const Config& fresh) {
    auto upstreams = upstreams_of(fresh);
    if (!upstreams) {
        log(LogLevel::error, "upstreams_not_changed", {{"why", to_string(upstreams.error())}});
        return;
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
    if (auto configured = configure_upstreams(); !configured) {
        log(LogLevel::error, "upstream_not_configured", {{"why", to_string(configured.error())}});
    }
    if (server_tls_) reload_tls(fresh);
}

}  // namespace longshore::app

#include "app/role.hpp"

#include "app/alone.hpp"
#include "app/proxies.hpp"
#include "base/free_memory.hpp"
#include "base/log.hpp"
#include "config/changed.hpp"
#include "tls/kernel_tls.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>

namespace longshore::app {
namespace {

constexpr std::chrono::seconds k_ending_time{10};  // of a process whose grace period is over
constexpr std::chrono::seconds k_quiet{1};         // for clients of idle connections to ask once more

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

std::vector<tls::CertificatePair> pairs_of(const Config& config) {
    std::vector<tls::CertificatePair> pairs;
    for (const auto& pair : config.certificates) pairs.push_back({pair.cert, pair.key});
    return pairs;
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

Result<> RunningRole::find_sockets() {
    if (auto made = privilege_.make_directory(system_files(), data_path()); !made) return made;
    if (auto adopted = adopt_activation_sockets(); !adopted) return adopted;
    return config_.take_over ? find_predecessor() : Result<>{};
}

Result<> RunningRole::adopt_activation_sockets() {
    const auto sockets = telemetry::activation_sockets();
    if (!sockets) return sockets.error();
    for (const auto& socket : *sockets) {
        auto added = inherited_.add(net::Descriptor{socket.descriptor}, net::PathOwner::another);
        if (!added) return Error{added.error().code, "systemd's socket " + socket.name + ": " + added.error().where};
    }
    return {};
}

Result<> RunningRole::find_predecessor() {
    auto found = Predecessor::find(hand_over_socket(data_path()), config_.grace_period + k_ending_time, inherited_);
    if (!found) return found.error();
    predecessor_ = std::move(*found);
    if (predecessor_) log(LogLevel::info, "taking_over", {{"data_dir", data_path()}});
    return {};
}

Result<> RunningRole::drop_privileges() {
    if (::geteuid() == 0 && !privilege_.changes()) {
        log(LogLevel::warning, "running_as_root", {{"fix", "name an ordinary user with --user, or start as one"}});
    }
    return privilege_.drop();
}

// A process that was told to end may still hold the directory: whoever takes over waits for it.
Result<> RunningRole::open_data() {
    auto& files = system_files();
    const auto patience = config_.take_over ? config_.grace_period + k_ending_time : std::chrono::milliseconds{0};
    const auto until = clock_.now() + patience;
    for (;;) {
        auto data = predecessor_ ? DataDir::take_over(files, data_path(), predecessor_->release_lock())
                                 : DataDir::open(files, data_path());
        if (data) {
            data_.emplace(std::move(*data));
            return {};
        }
        if (data.error().code == Errc::denied && privilege_.changes()) {
            return Error{Errc::denied, "data directory " + data_path() + " cannot be used" + privilege_.by_whom() +
                                           " (" + data.error().where + "): chown -R it, or choose another"};
        }
        if (predecessor_ || data.error().code != Errc::conflict || clock_.now() >= until) return data.error();
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
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

Result<std::vector<RunningRole::Origin>> RunningRole::origins_of(const Config& config,
                                                                 const registry::Upstreams& upstreams) {
    std::vector<Origin> origins;
    for (const auto& [name, upstream] : config.mirror.upstreams) {
        const auto* const known = upstreams.find(name);
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
        origins.push_back({known->url, std::move(settings)});
    }
    return origins;
}

void RunningRole::configure(const std::vector<Origin>& origins) {
    for (const auto& seat : seats_) {
        boost::asio::post(seat->loop().context(), [&seat = *seat, origins] {
            for (const auto& origin : origins) seat.upstreams().configure(origin.url, origin.settings);
        });
    }
}

// What only root may read, perhaps.
Result<> RunningRole::read_certificates() {
    if (auto prepared = prepare_client_tls(); !prepared) return prepared;
    if (config_.tls_listen.empty()) return {};
    certificates_ = std::make_shared<tls::FileCertificates>(system_files(), disk_);
    auto mistakes = run_alone(certificates_->load(pairs_of(config_)));
    if (!mistakes.empty()) return mistakes.front();
    choose_kernel_tls();
    auto settings = server_settings(config_.tls);
    if (!settings) return settings.error();
    server_settings_ = std::move(*settings);
    return {};
}

Result<> RunningRole::prepare_tls() {
    auto& files = system_files();
    if (config_.tls_listen.empty()) return {};
    std::vector<std::shared_ptr<const tls::Certificates>> sources{certificates_};
    if (config_.development_ca) {
        std::vector<std::string> names{config_.base_domain};
        if (config_.base_domain != "localhost") names.emplace_back("localhost");
        auto authority = tls::DevelopmentCa::open(files, clock_, data_->path() + "/development-ca", std::move(names));
        if (!authority) return authority.error();
        log(LogLevel::info, "development_ca", {{"trust", (*authority)->certificate_file()}});
        sources.push_back(std::move(*authority));
    }
    shown_ = std::make_shared<tls::CertificateSources>(std::move(sources));
    auto server = tls::ServerContext::make(shown_, std::move(server_settings_), disk_);
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

// From the next handshake on, or nothing at all.
std::vector<config::Mistake> RunningRole::reload_tls(const Config& fresh) {
    auto settings = server_settings(fresh.tls);
    if (!settings) return {{"tls.client_ca", {}, settings.error().where, {}}};
    std::vector<config::Mistake> mistakes;
    for (const auto& error : run_alone(certificates_->load(pairs_of(fresh)))) {
        mistakes.push_back({"certificates", {}, error.where, {}});
    }
    if (!mistakes.empty()) return mistakes;
    if (auto replaced = server_tls_->replace(shown_, std::move(*settings)); !replaced) {
        return {{"tls", {}, replaced.error().where, {}}};
    }
    log(LogLevel::info, "certificates_loaded", {{"certificates", certificates_->all().size()}});
    return mistakes;
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

Result<> RunningRole::open_door(const net::ListenAddress& address, Serves serves) {
    std::vector<net::Loop*> loops;
    for (const auto& seat : seats_) loops.push_back(&seat->loop());
    if (serves == Serves::admin) loops.resize(1);
    auto listeners = net::Listener::open_on_all(loops, address, &inherited_);
    if (!listeners) return listeners.error();
    listening_.push_back(listeners->front()->address());
    for (auto& listener : *listeners) doors_.push_back({std::move(listener), serves});
    return {};
}

Result<> RunningRole::open_doors() {
    const std::vector<std::pair<std::vector<std::string>, Serves>> wanted{
        {config_.listen, Serves::sites},
        {config_.tls_listen, Serves::secure_sites},
        {config_.admin_listen.empty() ? std::vector<std::string>{} : std::vector{config_.admin_listen}, Serves::admin}};
    for (const auto& [addresses, serves] : wanted) {
        for (const auto& text : addresses) {
            const auto address = net::ListenAddress::parse(text);
            if (!address) return address.error();
            if (auto opened = open_door(*address, serves); !opened) return opened;
        }
    }
    return {};
}

// What local programs use: `longshore mirror stats`, and a process that takes over.
Result<> RunningRole::open_private_doors() {
    hand_over_ = std::make_unique<HandOver>(
        data_->lock_descriptor(), [this] { boost::asio::post(signals_context_, [this] { stop(Why::replaced); }); });
    const auto admin = net::ListenAddress::parse("unix:" + data_->path() + "/admin.sock");
    const auto door = net::ListenAddress::parse("unix:" + hand_over_socket(data_->path()));
    if (!admin || !door) {
        log(LogLevel::warning, "no_admin_socket",
            {{"why", (admin ? door : admin).error().where}, {"fix", "use a shorter data_dir"}});
    }
    if (admin) {
        if (auto opened = open_door(*admin, Serves::admin); !opened) return opened;
    }
    if (!door) return {};
    net::Loop* const first[] = {&seats_.front()->loop()};
    auto listeners = net::Listener::open_on_all(first, *door, &inherited_);
    if (!listeners) return listeners.error();
    hand_over_door_ = std::move(listeners->front());
    return hand_over_->offer(*hand_over_door_);
}

// All sockets are here: from now on nothing can go wrong any more.
Result<> RunningRole::hang_doors() {
    for (const auto& address : inherited_.left(net::PathOwner::another)) {
        return Error{Errc::invalid, "systemd passed a socket for " + address.to_string() +
                                        ", where nothing is configured to listen: name it in listen, tls_listen or "
                                        "admin_listen, or take it out of the socket unit"};
    }
    inherited_.close_left();
    for (auto& [listener, serves] : doors_) {
        // Without a door nobody will ask.
        const auto offered = hand_over_door_ ? hand_over_->offer(*listener) : Result<>{};
        if (!offered) return offered;
        auto& seat = *seats_[listener->loop().index()];
        if (serves == Serves::admin) {
            seat.add_admin(std::move(listener));
        } else {
            seat.add_site(std::move(listener), serves == Serves::secure_sites ? server_tls_.get() : nullptr);
        }
    }
    doors_.clear();
    if (hand_over_door_) seats_.front()->add_errand([this] { return offer_hand_over(*this); });
    if (predecessor_) seats_.front()->add_errand([this] { return follow(*this); });
    return {};
}

Task<> RunningRole::offer_hand_over(RunningRole& role) {
    co_await role.hand_over_->serve(*role.hand_over_door_);
    role.hand_over_->close();
    role.hand_over_door_->close();
}

Task<> RunningRole::follow(RunningRole& role) {
    const bool gone = co_await role.predecessor_->gone();
    if (!gone) co_return;
    role.hand_over_->predecessor_ended();
    auto clean = [&role] { return role.stores_->staging->remove_leftovers(); };
    const auto cleaned = co_await role.disk_.run(clean);
    if (cleaned) {
        log(LogLevel::info, "predecessor_ended");
    } else {
        log(LogLevel::warning, "leftovers_not_removed", {{"why", to_string(cleaned.error())}});
    }
}

void RunningRole::dismiss_predecessor() {
    if (!predecessor_) return;
    hand_over_->wait_for_predecessor();
    hand_over_->claim_paths();
    if (auto told = predecessor_->dismiss(); !told) {
        log(LogLevel::warning, "predecessor_not_told", {{"why", to_string(told.error())}});
    }
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

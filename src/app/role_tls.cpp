// What a role trusts and shows: certificates, authorities, and what differs from upstream to upstream.
#include "app/alone.hpp"
#include "app/role.hpp"
#include "base/log.hpp"
#include "tls/kernel_tls.hpp"

namespace longshore::app {
namespace {

Result<std::shared_ptr<const tls::ClientContext>> client_context(Files& files, DiskPool& disk,
                                                                 const std::string& roots_file) {
    auto roots = run_alone(tls::TrustRoots::load(files, disk, {roots_file}));
    if (!roots) return roots.error();
    auto context = tls::ClientContext::make({.roots = std::move(*roots)}, disk);
    if (!context) return context.error();
    return std::shared_ptr<const tls::ClientContext>{std::move(*context)};
}

std::vector<tls::CertificatePair> pairs_of(const Config& config) {
    std::vector<tls::CertificatePair> pairs;
    for (const auto& pair : config.certificates) pairs.push_back({pair.cert, pair.key});
    return pairs;
}

}  // namespace

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

}  // namespace longshore::app

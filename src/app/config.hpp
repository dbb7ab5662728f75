// Everything an operator can set, for the roles that `longshore` runs.
//
// The initialisers are the defaults. `load` reads file, environment and flags (config/load.hpp) and settles what
// depends on the role and the machine: the listeners and the data directory. What a value means, its bounds and
// whether SIGHUP takes it over stand in config.cpp; docs/reference/configuration.md is made from there.
#pragma once

#include "base/log.hpp"
#include "base/log_format.hpp"
#include "config/load.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::app {

enum class Role : std::uint8_t { up, mirror };

struct LogConfig {
    LogFormat format = LogFormat::text;
    LogLevel level = LogLevel::info;
    bool access = true;
};

struct HttpConfig {
    std::size_t header_bytes = std::size_t{32} << 10;
    std::size_t target_bytes = std::size_t{16} << 10;
    std::size_t field_count = 200;
    std::size_t max_connections = 0;  // from the limit of descriptors
    std::size_t max_requests = 10'000;
    std::size_t max_streams = 256;
    std::size_t stream_resets = 200;
    std::size_t control_frames = 500;
    std::size_t empty_frames = 200;
    std::size_t stream_errors = 100;
    std::size_t window_updates = 1000;
    std::size_t small_frames = 20'000;
    std::chrono::milliseconds header_timeout = std::chrono::seconds{10};
    std::chrono::milliseconds idle_timeout = std::chrono::seconds{75};
    std::chrono::milliseconds body_idle_timeout = std::chrono::seconds{60};
    std::size_t min_body_rate = 256;
};

struct CertificateConfig {
    std::string cert;
    std::string key;
};

enum class ClientCertificates : std::uint8_t { required, optional };

struct TlsConfig {
    std::size_t handshakes = 1024;
    std::size_t handshake_rate = 1000;
    std::chrono::milliseconds handshake_timeout = std::chrono::seconds{10};
    std::string client_ca;
    ClientCertificates client_certificates = ClientCertificates::required;
    bool kernel_tls = false;
};

inline constexpr std::string_view k_no_proxy = "none";

// What the environment says about proxies, as it stands there.
struct ProxyEnvironment {
    std::string https;
    std::string http;
    std::vector<std::string> except;
};

struct UpstreamConfig {
    std::string url;   // empty: the built-in one of this name
    std::string host;  // empty: the URL's
    std::string ca_file;
    std::string proxy;  // empty: the mirror's; k_no_proxy: none
    bool allow_private_redirects = false;
    bool enabled = true;
};

struct MirrorConfig {
    std::chrono::milliseconds tag_ttl = std::chrono::seconds{60};
    std::size_t manifest_limit = std::size_t{4} << 20;
    std::size_t memory_limit = std::size_t{16} << 20;
    std::vector<std::string> default_hosts;
    std::map<std::string, UpstreamConfig> upstreams;
    std::chrono::milliseconds connect_timeout = std::chrono::seconds{5};
    std::chrono::milliseconds response_timeout = std::chrono::seconds{30};
    std::chrono::milliseconds read_timeout = std::chrono::seconds{60};
    std::size_t max_connections = 64;
    std::size_t max_waiting = 1024;
    std::string proxy;  // empty: the environment's; k_no_proxy: none
    std::vector<std::string> no_proxy;
};

struct Config {
    std::string data_dir;
    bool take_over = false;
    std::string user;
    std::vector<std::string> listen;
    std::vector<std::string> tls_listen;
    std::string admin_listen;
    std::string base_domain = "localhost";
    std::vector<CertificateConfig> certificates;
    bool development_ca = false;
    std::chrono::milliseconds grace_period = std::chrono::seconds{30};
    std::size_t loops = 0;  // one per core
    std::size_t disk_threads = 4;
    std::size_t memory_max = 0;  // the control group's
    LogConfig log;
    HttpConfig http;
    TlsConfig tls;
    MirrorConfig mirror;
    ProxyEnvironment environment;  // not settings of ours
};

void describe(config::Describer& d, LogConfig& c);
void describe(config::Describer& d, HttpConfig& c);
void describe(config::Describer& d, CertificateConfig& c);
void describe(config::Describer& d, TlsConfig& c);
void describe(config::Describer& d, UpstreamConfig& c);
void describe(config::Describer& d, MirrorConfig& c);
void describe(config::Describer& d, Config& c);
void check(const HttpConfig& c, config::Mistakes& mistakes);
void check(const CertificateConfig& c, config::Mistakes& mistakes);
void check(const TlsConfig& c, config::Mistakes& mistakes);
void check(const MirrorConfig& c, config::Mistakes& mistakes);
void check(const Config& c, config::Mistakes& mistakes);

enum class Account : std::uint8_t { ordinary, root };

// Reads all sources for a role, and the files they name. A data directory that cannot be guessed is a mistake like any
// other.
[[nodiscard]] config::Loaded<Config> load(Files& files, const config::Sources& sources, Role role, Account account);

// /var/lib/longshore for root, else $XDG_STATE_HOME/longshore or ~/.local/state/longshore; empty without a home.
[[nodiscard]] std::string default_data_dir(std::span<const config::Variable> environment, Account account);

// What is wrong with the files that a configuration names: certificates, keys, authorities. Blocks.
[[nodiscard]] std::vector<config::Mistake> check_files(Files& files, const Config& config);

// The default listeners of a role, when none was named; naming any turns off the others.
void settle_listeners(Config& config, Role role);

// docs/reference/configuration.md.
[[nodiscard]] std::string reference_page();

}  // namespace longshore::app

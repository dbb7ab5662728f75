#include "app/config.hpp"

#include "app/alone.hpp"
#include "app/proxies.hpp"
#include "config/manual.hpp"
#include "http/target.hpp"
#include "net/listener.hpp"
#include "registry/upstreams.hpp"
#include "tls/certificates.hpp"
#include "tls/trust.hpp"

#include <algorithm>
#include <array>

namespace longshore::app {

namespace {

using namespace std::chrono_literals;
using config::Choice;
using config::Fault;
using config::Verdict;
using Milliseconds = std::chrono::milliseconds;

constexpr std::size_t k_kib = 1024;
constexpr std::size_t k_mib = k_kib * k_kib;

constexpr std::array k_log_formats{Choice{"text", LogFormat::text}, Choice{"json", LogFormat::json}};
constexpr std::array k_log_levels{Choice{"debug", LogLevel::debug}, Choice{"info", LogLevel::info},
                                  Choice{"warning", LogLevel::warning}, Choice{"error", LogLevel::error},
                                  Choice{"fatal", LogLevel::fatal}};

constexpr std::array k_client_certificates{Choice{"required", ClientCertificates::required},
                                           Choice{"optional", ClientCertificates::optional}};

Verdict listen_address(std::string_view text) {
    if (net::ListenAddress::parse(text)) return {};
    return Fault{"is not an address to listen on",
                 "write 127.0.0.1:5000, [::1]:5000, :5000 or unix:/run/longshore.sock"};
}

bool is_label(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return !text.empty() && text.size() <= 63 && std::ranges::all_of(text, is_letter) && !text.starts_with('-') &&
           !text.ends_with('-');
}

Verdict label(std::string_view text) {
    if (is_label(text)) return {};
    return Fault{"cannot be part of a host name", "use lower-case letters, digits and inner dashes, such as k8s-gcr"};
}

Verdict domain(std::string_view text) {
    const Fault fault{"is not a host name", "write it without scheme and port, such as mirror.example.org"};
    if (text.size() > 253) return fault;
    for (std::size_t from = 0; from <= text.size();) {
        const auto end = std::min(text.find('.', from), text.size());
        if (!is_label(text.substr(from, end - from))) return fault;
        from = end + 1;
    }
    return {};
}

Verdict upstream_url(std::string_view text) {
    const auto url = http::Target::from_url(text);
    const bool is_bare = url && (url->path.empty() || url->path == "/") && !url->has_query;
    if (is_bare && !url->authority.host.empty()) return {};
    return Fault{"is not the URL of a registry",
                 "write scheme, host and port only, such as https://registry.example.org"};
}

Verdict proxy_url(std::string_view text) {
    if (text == k_no_proxy) return {};
    const auto proxy = http::Proxy::parse(text);
    if (proxy) return {};
    return Fault{"is not a proxy: " + proxy.error().where,
                 "write http://HOST:PORT, http://USER:PASSWORD@HOST:PORT or none"};
}

Verdict proxy_exception(std::string_view text) {
    if (http::NoProxy{}.add(text)) return {};
    return Fault{"is neither a host nor a network",
                 "write example.org, .example.org, 192.0.2.1, 192.0.2.0/24, a host with :PORT, or *"};
}

void complain_about_repeated(const Config& c, config::Mistakes& mistakes) {
    std::vector<std::string> seen;
    const auto look = [&](std::string_view field, const std::string& address) {
        const auto parsed = net::ListenAddress::parse(address);
        if (!parsed || (parsed->path.empty() && parsed->port == 0)) return;
        const auto canonical = parsed->to_string();
        if (std::ranges::find(seen, canonical) != seen.end()) {
            mistakes.at(field, config::quoted(address) + " is listened on twice", "give each listener its own address");
        }
        seen.push_back(canonical);
    };
    for (const auto& address : c.listen) look("listen", address);
    for (const auto& address : c.tls_listen) look("tls_listen", address);
    if (!c.admin_listen.empty()) look("admin_listen", c.admin_listen);
}

std::string value_of(std::span<const config::Variable> environment, std::string_view name) {
    const auto found = std::ranges::find(environment, name, &config::Variable::name);
    return found == environment.end() ? std::string{} : found->value;
}

// What helps against a file that is no good.
std::string fix_for(const Error& error) {
    if (error.code == Errc::not_found) return "name a file that is there";
    if (error.code == Errc::denied) return "let the user that Longshore runs as read it, or restart Longshore as root";
    return "put a good file there";
}

constexpr std::string_view k_introduction = R"(# Configuration

<!-- Made by `longshore config reference`; change the declarations in the source, then run `./dev docs`. -->

Every setting has a key in the configuration file, a flag and an environment variable. Flags win over the environment,
the environment over the file, the file over the default. `longshore config check FILE` says what is wrong with a file;
all mistakes are reported together, each with its place and a fix. Unknown keys are mistakes.

```yaml
# longshore mirror --config longshore.yaml
data_dir: /var/lib/longshore
listen: ["127.0.0.1:5000"]
admin_listen: 127.0.0.1:8091
log:
  format: json
mirror:
  tag_ttl: 60s
  upstreams:
    internal: {url: "https://registry.example.org", ca_file: /etc/ssl/example.pem}
```

- Durations are whole numbers with a unit: `500ms`, `60s`, `1m30s`, `1h`, `7d`.
- Sizes are whole numbers with a unit: `512KiB`, `64MiB`, `1GiB` (`kB`, `MB`, `GB` count in thousands).
- A list is a flag given several times, and an environment variable separated by spaces. It replaces the list of the
  file. A list of maps is written `--certificate cert=a.pem,key=a.key`.
- A map is changed name by name: `--upstream NAME=URL`, or `--upstream NAME.KEY=VALUE` for its other keys.
- The file is one YAML document of at most 1 MiB, no line over 64 KiB, without anchors, aliases and tags.
- On SIGHUP the same sources are read again. A configuration with mistakes leaves the old one serving; what is marked
  "at a restart" keeps its old value until then, and a log line says so.
)";

}  // namespace

void describe(config::Describer& d, LogConfig& c) {
    d.choice<LogFormat>("format", c.format, k_log_formats, "Form of the log lines on standard error.");
    d.choice<LogLevel>("level", c.level, k_log_levels, "The least important lines that are written.").live();
    d.toggle("access", c.access, "Write one line for each request.").live();
}

void describe(config::Describer& d, HttpConfig& c) {
    d.size("header_bytes", c.header_bytes, {k_kib, k_mib},
           "Largest head of a request: the request line and all fields.")
        .live();
    d.size("target_bytes", c.target_bytes, {256, k_mib}, "Longest path and query of a request.").live();
    d.number("field_count", c.field_count, {16, 2000}, "Most fields in a request's head.").live();
    d.number("max_connections", c.max_connections, {0, 1'000'000},
             "Most connections at once. Beyond it idle ones make room, else new ones wait. 0 means three quarters of "
             "the descriptors the process may have.")
        .live();
    d.number("max_requests", c.max_requests, {1, 1'000'000},
             "Most requests answered at once, on all connections. Beyond it they get 503 and Retry-After.")
        .live();
    d.number("max_streams", c.max_streams, {1, 10'000}, "Most requests at once on one HTTP/2 connection.").live();
    d.number("stream_resets", c.stream_resets, {1, 1'000'000},
             "Requests a client may reset in ten seconds on one HTTP/2 connection; beyond it the connection ends.")
        .live();
    d.number("control_frames", c.control_frames, {10, 1'000'000},
             "PING, SETTINGS, PRIORITY and unknown frames in ten seconds on one HTTP/2 connection.")
        .live();
    d.number("empty_frames", c.empty_frames, {1, 1'000'000},
             "DATA frames without data in ten seconds on one HTTP/2 connection.")
        .live();
    d.number("stream_errors", c.stream_errors, {1, 1'000'000},
             "Requests broken by the client's own frames in ten seconds on one HTTP/2 connection.")
        .live();
    d.number("window_updates", c.window_updates, {1, 1'000'000},
             "WINDOW_UPDATE frames in ten seconds on one HTTP/2 connection, beyond ten for each DATA frame sent to it.")
        .live();
    d.number("small_frames", c.small_frames, {1, 1'000'000},
             "DATA frames with less than 64 bytes in ten seconds on one HTTP/2 connection.")
        .live();
    d.duration<Milliseconds>("header_timeout", c.header_timeout, {100ms, 5min},
                             "How long a client may take to its first byte, and from the first byte of a head to its "
                             "last.")
        .live();
    d.duration<Milliseconds>("idle_timeout", c.idle_timeout, {1s, 1h},
                             "How long a connection without a request stays open.")
        .live();
    d.duration<Milliseconds>("body_idle_timeout", c.body_idle_timeout, {1s, 1h},
                             "How long a body, in either direction, may rest without a byte moving.")
        .live();
    d.size(
         "min_body_rate", c.min_body_rate, {0, k_mib},
         "What a body, in either direction, must move each second, on average over body_idle_timeout and counting only "
         "time spent waiting for the client; 0 turns this off.")
        .live();
}

void describe(config::Describer& d, CertificateConfig& c) {
    d.text("cert", c.cert, "File with the certificate chain in PEM, the leaf first.");
    d.text("key", c.key, "File with its private key in PEM, not encrypted.");
}

void describe(config::Describer& d, TlsConfig& c) {
    d.number(
         "handshakes", c.handshakes, {2, 100'000},
         "Most TLS handshakes under way on one event loop; one address has half of it. Connections beyond are closed "
         "at once.")
        .live();
    d.number(
         "handshake_rate", c.handshake_rate, {0, 1'000'000},
         "Most TLS handshakes that begin in a second on one event loop, in bursts of as many; one address has half of "
         "it. 0 means any number.")
        .live();
    d.duration<Milliseconds>("handshake_timeout", c.handshake_timeout, {100ms, 5min},
                             "How long a TLS handshake may take, from the connection to its end.")
        .live();
    d.text(
         "client_ca", c.client_ca,
         "File with the authorities whose client certificates are accepted, in PEM. Without it clients are not asked.")
        .shown_as("FILE")
        .live();
    d.choice<ClientCertificates>("client_certificates", c.client_certificates, k_client_certificates,
                                 "Whether a client must show a certificate of client_ca.")
        .live();
    d.toggle(
        "kernel_tls", c.kernel_tls,
        "Let the kernel encrypt where it can, so that files leave without being copied. Whether it can is tried at "
        "the start; where it cannot, the log says why and the program encrypts.");
}

void describe(config::Describer& d, UpstreamConfig& c) {
    d.text("url", c.url, "Where the registry is: scheme, host and port. Names that are built in need none.")
        .checked_by(upstream_url);
    d.text("host", c.host, "Name to send as Host and to expect in the certificate, when it is not the URL's.")
        .checked_by(domain);
    d.text("ca_file", c.ca_file,
           "File with the authorities to trust for this upstream, in PEM, instead of the system's.");
    d.text("proxy", c.proxy,
           "HTTP proxy for this upstream, its token server and its storage, without exceptions; `none` for no proxy.")
        .secret()
        .default_as("mirror.proxy")
        .checked_by(proxy_url);
    d.toggle("allow_private_redirects", c.allow_private_redirects,
             "When this upstream is at a public address, follow its redirects and token servers to loopback, private "
             "and link-local addresses too.");
    d.toggle("enabled", c.enabled, "Whether this upstream is served at all.");
}

void describe(config::Describer& d, MirrorConfig& c) {
    d.duration<Milliseconds>("tag_ttl", c.tag_ttl, {0ms, 24h},
                             "How long a tag is served before upstream is asked again whether it moved.")
        .live();
    d.size("manifest_limit", c.manifest_limit, {64 * k_kib, 64 * k_mib}, "Largest manifest that is fetched.").live();
    d.size("memory_limit", c.memory_limit, {0, k_kib * k_mib}, "Memory for the manifests asked for most.");
    d.list("default_hosts", c.default_hosts,
           "More Host names that mean the default upstream, docker, as IP addresses and the base domain do.")
        .flag_name("default-host")
        .shown_as("NAME")
        .checked_by(domain)
        .live();
    d.named("upstreams", c.upstreams,
            "Registries by name, each served under its name below the base domain. Built in: docker, quay, gcr, "
            "k8s-gcr, k8s, ghcr, "
            "cloudsmith, ecr; a name given here is added, or changes the one built in.")
        .flag_name("upstream")
        .shown_as("NAME=URL")
        .principal("url")
        .checked_by(label)
        .default_as("the ones built in")
        .live();
    d.duration<Milliseconds>("connect_timeout", c.connect_timeout, {100ms, 5min},
                             "How long connecting to an upstream may take, TLS included.")
        .live();
    d.duration<Milliseconds>("response_timeout", c.response_timeout, {100ms, 10min},
                             "How long an upstream may take from the request to the head of its response.")
        .live();
    d.duration<Milliseconds>("read_timeout", c.read_timeout, {1s, 1h},
                             "How long an upstream's body may rest without a byte arriving.")
        .live();
    d.number("max_connections", c.max_connections, {1, 10'000}, "Most connections to one upstream host.");
    d.number("max_waiting", c.max_waiting, {1, 100'000},
             "Most requests that wait for a connection to one upstream host. Beyond it they get 503 and Retry-After.")
        .live();
    d.text("proxy", c.proxy,
           "HTTP proxy for all that goes upstream: http://HOST:PORT, with USER:PASSWORD@ when it wants credentials, or "
           "`none`.")
        .secret()
        .default_as("HTTPS_PROXY for https, http_proxy for http, from the environment")
        .checked_by(proxy_url)
        .live();
    d.list("no_proxy", c.no_proxy,
           "Hosts asked without the proxy: names (with those below them), .names (those below alone), addresses, "
           "networks, each but a network with :PORT if need be, or *. This machine is always asked directly.")
        .shown_as("HOST")
        .default_as("NO_PROXY from the environment")
        .checked_by(proxy_exception)
        .live();
}

void describe(config::Describer& d, Config& c) {
    d.text("data_dir", c.data_dir, "Directory for everything that is kept. One process at a time.")
        .shown_as("DIR")
        .default_as("/var/lib/longshore for root, else $XDG_STATE_HOME/longshore or ~/.local/state/longshore");
    d.toggle(
        "take_over", c.take_over,
        "Take listeners and data directory over from the process that uses the directory, which then drains; without "
        "it a second process is refused.");
    d.text(
         "user", c.user,
         "User to become, as NAME or NAME:GROUP, once ports are bound and certificates are read; for a start as root.")
        .shown_as("NAME[:GROUP]");
    d.list("listen", c.listen,
           "Addresses for HTTP/1.1 and HTTP/2 without TLS. Naming any listener turns off the default ones not named.")
        .shown_as("ADDRESS")
        .default_as("127.0.0.1:5000")
        .checked_by(listen_address);
    d.list("tls_listen", c.tls_listen, "Addresses for HTTP/1.1 and HTTP/2 over TLS.")
        .shown_as("ADDRESS")
        .checked_by(listen_address);
    d.text("admin_listen", c.admin_listen, "Address for /metrics, /ready and /healthcheck.")
        .shown_as("ADDRESS")
        .default_as("127.0.0.1:8090 in `up`, 127.0.0.1:8091 in `mirror`")
        .checked_by(listen_address);
    d.text("base_domain", c.base_domain, "Domain under which each upstream has its name: quay.localhost.")
        .shown_as("DOMAIN")
        .checked_by(domain);
    d.each("certificates", c.certificates,
           "Certificates for the TLS listeners, chosen by server name; the first is shown when no name fits.")
        .flag_name("certificate")
        .shown_as("cert=FILE,key=FILE")
        .live();
    d.toggle(
        "development_ca", c.development_ca,
        "Make certificates for localhost and the base domain on demand, from an authority kept in the data directory.");
    d.duration<Milliseconds>("grace_period", c.grace_period, {0ms, 1h},
                             "How long requests under way may go on after SIGTERM.")
        .live();
    d.number("loops", c.loops, {0, 256}, "Event loops; 0 means one for each core.");
    d.number("disk_threads", c.disk_threads, {1, 64}, "Threads that wait for the disk.");
    d.size(
        "memory_max", c.memory_max, {0, k_kib * k_kib * k_mib},
        "Memory the process may use, files not counted. From 80 % on nothing new is fetched from upstream, from 90 % "
        "requests get 503, from 95 % connections wait. The limit of the control group counts in any case; 0 means "
        "that one alone.");
    d.group("log", c.log, "Log");
    d.group("http", c.http, "HTTP limits");
    d.group("tls", c.tls, "TLS");
    d.group("mirror", c.mirror, "Mirror").plain_flags();
}

void check(const HttpConfig& c, config::Mistakes& mistakes) {
    if (c.target_bytes <= c.header_bytes) return;
    mistakes.at("target_bytes", "is larger than http.header_bytes, which holds it",
                "lower it, or raise http.header_bytes");
}

void check(const CertificateConfig& c, config::Mistakes& mistakes) {
    if (c.cert.empty()) mistakes.at("cert", "is missing", "name the file with the certificate chain");
    if (c.key.empty()) mistakes.at("key", "is missing", "name the file with the private key");
}

void check(const TlsConfig& c, config::Mistakes& mistakes) {
    if (!c.client_ca.empty() || c.client_certificates == ClientCertificates::required) return;
    mistakes.at("client_certificates", "says how client certificates count, but nobody is trusted to issue them",
                "name tls.client_ca, or leave both out");
}

void check(const MirrorConfig& c, config::Mistakes& mistakes) {
    const auto built_in = registry::Upstreams::build({});
    for (const auto& [name, upstream] : c.upstreams) {
        if (!upstream.url.empty() || (built_in && built_in->find(name) != nullptr)) continue;
        mistakes.at("upstreams." + name + ".url", "is missing, and no upstream of this name is built in",
                    "write url: https://...");
    }
}

void check(const Config& c, config::Mistakes& mistakes) {
    complain_about_repeated(c, mistakes);
    if (!c.tls_listen.empty() && c.certificates.empty() && !c.development_ca) {
        mistakes.at("tls_listen", "there is no certificate to show", "give certificates, or development_ca: true");
    }
}

std::vector<config::Mistake> check_files(Files& files, const Config& config) {
    std::vector<config::Mistake> mistakes;
    const auto names_one = [](const auto& upstream) { return !upstream.second.ca_file.empty(); };
    const bool none = config.certificates.empty() && config.tls.client_ca.empty();
    if (none && std::ranges::none_of(config.mirror.upstreams, names_one)) return mistakes;
    DiskPool disk{1};
    for (std::size_t i = 0; i < config.certificates.size(); ++i) {
        const auto& pair = config.certificates[i];
        if (pair.cert.empty() || pair.key.empty()) continue;
        tls::FileCertificates one{files, disk};
        for (const auto& error : run_alone(one.load({{pair.cert, pair.key}}))) {
            mistakes.push_back({"certificates[" + std::to_string(i) + "]", {}, error.where, fix_for(error)});
        }
    }
    const auto look_at_roots = [&](const std::string& setting, const std::string& file) {
        if (file.empty()) return;
        const auto roots = run_alone(tls::TrustRoots::load(files, disk, {file}));
        if (!roots) mistakes.push_back({setting, {}, roots.error().where, fix_for(roots.error())});
    };
    look_at_roots("tls.client_ca", config.tls.client_ca);
    for (const auto& [name, upstream] : config.mirror.upstreams) {
        look_at_roots("mirror.upstreams." + name + ".ca_file", upstream.ca_file);
    }
    return mistakes;
}

std::string default_data_dir(std::span<const config::Variable> environment, Account account) {
    if (account == Account::root) return "/var/lib/longshore";
    const auto state = value_of(environment, "XDG_STATE_HOME");
    if (state.starts_with('/')) return state + "/longshore";
    const auto home = value_of(environment, "HOME");
    return home.empty() ? std::string{} : home + "/.local/state/longshore";
}

void settle_listeners(Config& config, Role role) {
    if (!config.listen.empty() || !config.tls_listen.empty() || !config.admin_listen.empty()) return;
    config.listen = {"127.0.0.1:5000"};
    config.admin_listen = role == Role::up ? "127.0.0.1:8090" : "127.0.0.1:8091";
}

config::Loaded<Config> load(Files& files, const config::Sources& sources, Role role, Account account) {
    auto loaded = config::load<Config>(files, sources);
    for (auto& mistake : check_files(files, loaded.value)) loaded.mistakes.push_back(std::move(mistake));
    settle_listeners(loaded.value, role);
    loaded.value.environment = proxy_environment(sources.environment);
    for (auto& mistake : proxy_mistakes(loaded.value)) loaded.mistakes.push_back(std::move(mistake));
    if (!loaded.value.data_dir.empty()) return loaded;
    loaded.value.data_dir = default_data_dir(sources.environment, account);
    if (loaded.value.data_dir.empty()) {
        loaded.mistakes.push_back({"data_dir", {}, "cannot be guessed, for HOME is not set", "give --data-dir DIR"});
    }
    return loaded;
}

std::string reference_page() {
    Config defaults;
    auto schema = config::schema_of(defaults);
    return config::reference(schema, k_introduction);
}

}  // namespace longshore::app

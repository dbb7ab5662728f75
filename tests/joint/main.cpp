// longshore_joint: an HTTP server joined to the client pool, for tests of what passes from one to the other.
//
//   longshore_joint --listen 127.0.0.1:0 --origin http://127.0.0.1:PORT [--h2c-origin] [--pass-host]
//                   [--tls CERT KEY] [--body-idle SECONDS] [--ready-file FILE] [--revision-file FILE]
//
// Every request goes to the origin by `client.send`; nothing else happens to it. With --pass-host it keeps its
// authority, and the field x-handled tells the origin which target the handler saw. Cleartext listeners speak HTTP/1
// and prior-knowledge HTTP/2, TLS listeners choose by ALPN. Bodies move at 256 bytes a second at least, over
// --body-idle (60). The ready file gets "ADDRESS:PORT" once it listens. SIGTERM drains and gives WebSockets a close
// frame, a second one ends at once. SIGHUP replaces what a role's reload replaces: handler, limits and certificates;
// with a revision file, responses say in x-revision which one was there when their request came.
#include "access_line.hpp"
#include "base/files.hpp"
#include "http/client_pool.hpp"
#include "http/server.hpp"
#include "net/scope.hpp"
#include "tls/certificates.hpp"

#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>

namespace longshore::joint {
namespace {

struct Options {
    std::string listen;
    std::string origin;
    bool h2c_origin = false;
    bool pass_host = false;
    std::string certificate_file;
    std::string key_file;
    std::string ready_file;
    std::chrono::seconds body_idle{60};
    std::string revision_file;
};

bool read_options(std::span<char*> arguments, Options& options) {
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const std::string_view name = arguments[at];
        const auto left = arguments.size() - at - 1;
        if (name == "--h2c-origin") {
            options.h2c_origin = true;
        } else if (name == "--pass-host") {
            options.pass_host = true;
        } else if (name == "--tls" && left >= 2) {
            options.certificate_file = arguments[++at];
            options.key_file = arguments[++at];
        } else if (name == "--listen" && left >= 1) {
            options.listen = arguments[++at];
        } else if (name == "--origin" && left >= 1) {
            options.origin = arguments[++at];
        } else if (name == "--body-idle" && left >= 1) {
            options.body_idle = std::chrono::seconds{std::atoi(arguments[++at])};
        } else if (name == "--ready-file" && left >= 1) {
            options.ready_file = arguments[++at];
        } else if (name == "--revision-file" && left >= 1) {
            options.revision_file = arguments[++at];
        } else {
            return false;
        }
    }
    return !options.listen.empty() && !options.origin.empty();
}

std::string read_text(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// One generation of what a reload replaces.
class Forwarder final : public http::Handler {
public:
    struct Settings {
        bool pass_host = false;
        std::string revision;
    };
    Forwarder(http::ClientPool& client, http::Target origin, Settings settings)
        : client_(client), origin_(std::move(origin)), settings_(std::move(settings)) {}

    Task<http::Response> handle(http::Request request) override {
        request.target.scheme = origin_.scheme;
        if (settings_.pass_host && !request.target.authority.host.empty()) {
            request.fields.set("x-handled", request.target.authority.to_string() + request.target.path_and_query());
            client_.configure(request.target, {.dial_host = origin_.authority.host, .dial_port = origin_.port()});
        } else {
            request.target.authority = origin_.authority;
        }
        auto sent = co_await client_.send(request);
        if (!sent)
            co_return http::Response::text(http::status_for(sent.error().error.code), to_string(sent.error().error));
        if (!settings_.revision.empty()) sent->fields.add("x-revision", settings_.revision);
        co_return std::move(*sent);
    }

private:
    http::ClientPool& client_;
    http::Target origin_;
    Settings settings_;
};

// The newest generation; requests keep the one they came to.
class Newest final : public http::Handler {
public:
    void set(std::shared_ptr<http::Handler> handler) { handler_ = std::move(handler); }
    Task<http::Response> handle(http::Request request) override {
        const auto pinned = handler_;
        auto response = co_await pinned->handle(std::move(request));
        co_return response;
    }

private:
    std::shared_ptr<http::Handler> handler_;
};

struct Joint {
    Joint(net::Loop& on, Options from, http::Target to) : loop(on), options(std::move(from)), origin(std::move(to)) {}

    [[nodiscard]] static Task<> live(Joint& joint);
    [[nodiscard]] Task<Result<>> start();
    [[nodiscard]] Task<Result<>> renew();
    [[nodiscard]] static Task<> reload(Joint& joint);
    void await_stop();
    void await_reload();
    void stop();

    net::Loop& loop;
    Options options;
    http::Target origin;
    DiskPool disk{2};
    std::shared_ptr<tls::FileCertificates> certificates = std::make_shared<tls::FileCertificates>(system_files(), disk);
    net::Resolver resolver;
    http::PoolOptions pool_options{.connections_per_origin = 20'000};
    http::ClientPool pool{{resolver, disk, nullptr}, pool_options};
    Newest handler;
    AccessLines log;
    http::SessionOptions session_options;
    http::Load load{{}};
    http::Server server{loop, {handler, load, &log, session_options, disk}};
    std::unique_ptr<tls::ServerContext> tls;
    net::Scope scope;
    boost::asio::signal_set stops{loop.context(), SIGTERM, SIGINT};
    boost::asio::signal_set reloads{loop.context(), SIGHUP};
    bool stopping = false;
    bool failed = false;
};

Task<Result<>> Joint::renew() {
    auto revision = options.revision_file.empty() ? std::string{} : read_text(options.revision_file);
    while (revision.ends_with('\n')) revision.pop_back();
    if (!options.certificate_file.empty()) {
        std::vector<tls::CertificatePair> pairs{{options.certificate_file, options.key_file}};
        auto mistakes = co_await certificates->load(std::move(pairs));
        if (!mistakes.empty()) co_return mistakes.front();
    }
    session_options = {.body_idle_timeout = options.body_idle, .min_body_rate = 256};
    Forwarder::Settings settings{options.pass_host, std::move(revision)};
    handler.set(std::make_shared<Forwarder>(pool, origin, std::move(settings)));
    co_return Result<>{};
}

Task<Result<>> Joint::start() {
    const auto address = net::ListenAddress::parse(options.listen);
    if (!address) co_return address.error();
    auto listener = net::Listener::open(loop, *address);
    if (!listener) co_return listener.error();
    auto loaded = co_await renew();
    if (!loaded) co_return loaded;
    if (!options.certificate_file.empty()) {
        auto made = tls::ServerContext::make(certificates, {}, disk);
        if (!made) co_return made.error();
        tls = std::move(*made);
    }
    const auto listening = (*listener)->address().to_string();
    server.listen(std::move(*listener), tls.get());
    if (!options.ready_file.empty()) {
        const auto partial = options.ready_file + ".new";
        std::ofstream(partial) << listening << '\n';
        co_return system_files().rename(partial, options.ready_file);
    }
    co_return Result<>{};
}

Task<> Joint::reload(Joint& joint) {
    const auto loaded = co_await joint.renew();
    if (!loaded) std::cerr << "longshore_joint: not reloaded: " << to_string(loaded.error()) << '\n';
}

// Plain callbacks: a signal may come at any time, and waits for no coroutine.
void Joint::await_stop() {
    stops.async_wait([this](boost::system::error_code error, int) {
        if (error) return;
        stop();
        await_stop();
    });
}

void Joint::stop() {
    if (std::exchange(stopping, true)) {
        server.cancel();
        return;
    }
    server.drain(std::chrono::seconds{1});
    server.farewell();
}

void Joint::await_reload() {
    reloads.async_wait([this](boost::system::error_code error, int) {
        if (error) return;
        scope.start(reload(*this));
        await_reload();
    });
}

Task<> Joint::live(Joint& joint) {
    joint.await_stop();
    joint.await_reload();
    const auto started = co_await joint.start();
    if (!started) {
        std::cerr << "longshore_joint: " << to_string(started.error()) << '\n';
        joint.failed = true;
        joint.server.cancel();
    }
    co_await joint.server.join();
    joint.reloads.cancel();
    co_await joint.scope.join();
    co_await joint.pool.close();
}

int run(Options options) {
    const auto origin = http::Target::from_url(options.origin);
    if (!origin) {
        std::cerr << "longshore_joint: " << to_string(origin.error()) << '\n';
        return 1;
    }
    const SystemClock clock;
    net::Loop loop(clock);
    Joint joint(loop, std::move(options), *origin);
    joint.pool.configure(*origin, {.prior_knowledge = joint.options.h2c_origin});
    boost::asio::post(loop.context(), [&] {
        boost::asio::co_spawn(loop.context(), Joint::live(joint), [&loop](const std::exception_ptr& bug) {
            loop.stop();
            if (bug) std::rethrow_exception(bug);
        });
    });
    loop.run();
    return joint.failed ? 1 : 0;
}

}  // namespace
}  // namespace longshore::joint

int main(int argc, char** argv) {
    longshore::joint::Options options;
    if (!longshore::joint::read_options(std::span{argv + 1, static_cast<std::size_t>(argc - 1)}, options)) {
        std::cerr << "usage: longshore_joint --listen ADDRESS --origin URL [--h2c-origin] [--pass-host]"
                     " [--tls CERT KEY] [--body-idle SECONDS] [--ready-file FILE] [--revision-file FILE]\n";
        return 2;
    }
    return longshore::joint::run(std::move(options));
}

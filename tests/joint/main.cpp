// longshore_joint: an HTTP server joined to the client pool, for tests of what passes from one to the other.
//
//   longshore_joint --listen 127.0.0.1:0 --origin http://127.0.0.1:PORT [--h2c-origin] [--pass-host]
//                   [--tls CERT KEY] [--body-idle SECONDS] [--ready-file FILE]
//
// Every request goes to the origin by `client.send`; nothing else happens to it. With --pass-host it keeps its
// authority, and the field x-handled tells the origin which target the handler saw. Cleartext listeners speak HTTP/1
// and prior-knowledge HTTP/2, TLS listeners choose by ALPN. Bodies move at 256 bytes a second at least, over
// --body-idle (60). The ready file gets "ADDRESS:PORT" once it listens. SIGTERM drains, a second one ends at once.
#include "access_line.hpp"
#include "base/files.hpp"
#include "http/client_pool.hpp"
#include "http/server.hpp"
#include "tls/certificates.hpp"
#include "tls/identity.hpp"

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
        } else {
            return false;
        }
    }
    return !options.listen.empty() && !options.origin.empty();
}

class Forwarder final : public http::Handler {
public:
    Forwarder(http::ClientPool& client, http::Target origin) : client_(client), origin_(std::move(origin)) {}

    Task<http::Response> handle(http::Request request) override {
        request.target.scheme = origin_.scheme;
        if (pass_host && !request.target.authority.host.empty()) {
            request.fields.set("x-handled", request.target.authority.to_string() + request.target.path_and_query());
            client_.configure(request.target, {.dial_host = origin_.authority.host, .dial_port = origin_.port()});
        } else {
            request.target.authority = origin_.authority;
        }
        auto sent = co_await client_.send(request);
        if (!sent)
            co_return http::Response::text(http::status_for(sent.error().error.code), to_string(sent.error().error));
        co_return std::move(*sent);
    }

    bool pass_host = false;

private:
    http::ClientPool& client_;
    http::Target origin_;
};

std::string read_text(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

Result<std::unique_ptr<tls::ServerContext>> tls_context(const Options& options, DiskPool& disk) {
    auto identity = tls::Identity::parse(read_text(options.certificate_file), read_text(options.key_file));
    if (!identity) return identity.error();
    return tls::ServerContext::make(std::make_shared<tls::OneCertificate>(std::move(*identity)), {}, disk);
}

struct Joint {
    Joint(net::Loop& on, http::Target origin) : loop(on), forwarder(pool, std::move(origin)) {}

    Result<> start(const Options& options);
    static Task<> until_over(Joint& joint);

    net::Loop& loop;
    DiskPool disk{2};
    net::Resolver resolver;
    http::PoolOptions pool_options;
    http::ClientPool pool{{resolver, disk, nullptr}, pool_options};
    Forwarder forwarder;
    AccessLines log;
    http::SessionOptions session_options;
    http::Load load{{}};
    http::Server server{loop, {forwarder, load, &log, session_options, disk}};
    std::unique_ptr<tls::ServerContext> tls;
    boost::asio::signal_set signals{loop.context(), SIGTERM, SIGINT};
};

Result<> Joint::start(const Options& options) {
    session_options.body_idle_timeout = options.body_idle;
    session_options.min_body_rate = 256;
    const auto address = net::ListenAddress::parse(options.listen);
    if (!address) return address.error();
    auto listener = net::Listener::open(loop, *address);
    if (!listener) return listener.error();
    if (!options.certificate_file.empty()) {
        auto made = tls_context(options, disk);
        if (!made) return made.error();
        tls = std::move(*made);
    }
    const auto listening = (*listener)->address().to_string();
    server.listen(std::move(*listener), tls.get());
    if (!options.ready_file.empty()) {
        const auto partial = options.ready_file + ".new";
        std::ofstream(partial) << listening << '\n';
        return system_files().rename(partial, options.ready_file);
    }
    return {};
}

// Plain callbacks: a signal may come at any time, and waits for no coroutine.
void follow_signals(Joint& joint) {
    joint.signals.async_wait([&joint](boost::system::error_code error, int) {
        if (error) return;
        joint.server.drain();
        joint.signals.async_wait([&joint](boost::system::error_code again, int) {
            if (!again) joint.server.cancel();
        });
    });
}

Task<> Joint::until_over(Joint& joint) {
    co_await joint.server.join();
    co_await joint.pool.close();
}

int run(const Options& options) {
    const auto origin = http::Target::from_url(options.origin);
    if (!origin) {
        std::cerr << "longshore_joint: " << to_string(origin.error()) << '\n';
        return 1;
    }
    const SystemClock clock;
    net::Loop loop(clock);
    Joint joint(loop, *origin);
    joint.forwarder.pass_host = options.pass_host;
    joint.pool.configure(*origin, {.prior_knowledge = options.h2c_origin});
    int status = 0;
    boost::asio::post(loop.context(), [&] {
        if (const auto started = joint.start(options); !started) {
            std::cerr << "longshore_joint: " << to_string(started.error()) << '\n';
            status = 1;
            joint.server.cancel();
        }
        follow_signals(joint);
        boost::asio::co_spawn(loop.context(), Joint::until_over(joint), [&loop](const std::exception_ptr& bug) {
            loop.stop();
            if (bug) std::rethrow_exception(bug);
        });
    });
    loop.run();
    return status;
}

}  // namespace
}  // namespace longshore::joint

int main(int argc, char** argv) {
    longshore::joint::Options options;
    if (!longshore::joint::read_options(std::span{argv + 1, static_cast<std::size_t>(argc - 1)}, options)) {
        std::cerr << "usage: longshore_joint --listen ADDRESS --origin URL [--h2c-origin] [--pass-host]"
                     " [--tls CERT KEY] [--body-idle SECONDS] [--ready-file FILE]\n";
        return 2;
    }
    return longshore::joint::run(options);
}

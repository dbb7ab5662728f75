// longshore_gate: a relay between two parts of a test that spoils what passes, on command.
//
//   longshore_gate --listen 127.0.0.1:0 --target 127.0.0.1:80 [--protocol tcp|udp|both] [--seed N] [--control PATH]
//
// The first line on standard output is {"listen":"ADDRESS:PORT"}. Commands are in control.hpp.
#include "control.hpp"
#include "tcp_gate.hpp"
#include "udp_gate.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>

namespace longshore::gate {

namespace {

namespace asio = boost::asio;

struct Options {
    asio::ip::tcp::endpoint listen;
    asio::ip::tcp::endpoint target;
    bool tcp = true;
    bool udp = false;
    std::uint64_t seed = 1;
    std::string control;
};

bool read_endpoint(std::string_view text, asio::ip::tcp::endpoint& out) {
    const auto colon = text.rfind(':');
    if (colon == text.npos) return false;
    boost::system::error_code error;
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto address = asio::ip::make_address(host, error);
    std::uint16_t port = 0;
    const auto digits = text.substr(colon + 1);
    const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    out = {address, port};
    return !error && bad == std::errc{} && end == digits.data() + digits.size();
}

bool read_protocol(std::string_view text, Options& options) {
    options.tcp = text == "tcp" || text == "both";
    options.udp = text == "udp" || text == "both";
    return options.tcp || options.udp;
}

bool read_seed(std::string_view text, Options& options) {
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), options.seed);
    return bad == std::errc{} && end == text.data() + text.size();
}

bool read_option(std::string_view name, std::string_view value, Options& options) {
    if (name == "--listen") return read_endpoint(value, options.listen);
    if (name == "--target") return read_endpoint(value, options.target);
    if (name == "--protocol") return read_protocol(value, options);
    if (name == "--seed") return read_seed(value, options);
    if (name == "--control") return !(options.control = value).empty();
    return false;
}

bool read_options(int argc, char** argv, Options& options) {
    if (argc % 2 == 0) return false;
    for (int at = 1; at < argc; at += 2) {
        if (!read_option(argv[at], argv[at + 1], options)) return false;
    }
    return options.listen.address() != asio::ip::address{} && options.target.port() != 0;
}

int run(const Options& options) {
    Counters counters;  // outlives the connections, which end with the context
    asio::io_context context(1);
    FaultBoard board(context.get_executor());
    std::unique_ptr<TcpGate> tcp;
    std::unique_ptr<UdpGate> udp;
    auto listen = options.listen;
    if (options.tcp) {
        tcp = std::make_unique<TcpGate>(context, listen, options.target, options.seed, board, counters);
        listen = tcp->address();
    }
    if (options.udp) {
        udp = std::make_unique<UdpGate>(context, asio::ip::udp::endpoint{listen.address(), listen.port()},
                                        asio::ip::udp::endpoint{options.target.address(), options.target.port()},
                                        options.seed, board, counters);
        listen.port(udp->address().port());
    }
    const Controlled controlled{context, board, counters, tcp.get(), udp.get()};
    options.control.empty() ? control_by_stdin(controlled) : control_by_socket(controlled, options.control);
    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&context](boost::system::error_code, int) { context.stop(); });
    std::cout << R"({"listen":")" << listen << R"("})" << std::endl;
    context.run();
    return 0;
}

}  // namespace

}  // namespace longshore::gate

int main(int argc, char** argv) {
    longshore::gate::Options options;
    if (!longshore::gate::read_options(argc, argv, options)) {
        std::cerr << "usage: longshore_gate --listen IP:PORT --target IP:PORT [--protocol tcp|udp|both] [--seed N]"
                     " [--control PATH]\n";
        return 2;
    }
    try {
        return longshore::gate::run(options);
    } catch (const std::exception& error) {
        std::cerr << "longshore_gate: " << error.what() << '\n';
        return 1;
    }
}

#include "http/h2/session.hpp"

#include "http/h2/core.hpp"

namespace longshore::http::h2 {

Session::Session(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Session::~Session() = default;

std::shared_ptr<Session> Session::server(std::unique_ptr<net::ByteStream> stream, net::Chunk already_read,
                                         ServerEnd end, DiskPool& disk) {
    return std::shared_ptr<Session>{
        new Session{std::make_shared<ServerCore>(std::move(stream), std::move(already_read), std::move(end), disk)}};
}

std::shared_ptr<Session> Session::client(std::unique_ptr<net::ByteStream> stream, const SessionOptions& options,
                                         DiskPool& disk) {
    return std::shared_ptr<Session>{new Session{std::make_shared<ClientCore>(std::move(stream), options, disk)}};
}

Task<> Session::run() {
    const auto core = core_;
    co_await core->run();
}

void Session::drain(std::chrono::nanoseconds quiet) noexcept { core_->drain(quiet); }
std::size_t Session::farewell() noexcept { return core_->farewell(); }
std::optional<Deadline> Session::idle_since() const noexcept { return core_->idle_since(); }
void Session::close_idle() noexcept { core_->close_idle(); }

Task<Sent> Session::send(Request& request) {
    const auto core = std::static_pointer_cast<ClientCore>(core_);
    auto sent = co_await core->send(request);
    co_return sent;
}

bool Session::accepts() const noexcept { return static_cast<const ClientCore&>(*core_).accepts(); }

}  // namespace longshore::http::h2

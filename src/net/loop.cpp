#include "net/loop.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <cassert>
#include <csignal>

namespace longshore::net {
namespace {

thread_local Loop* t_current = nullptr;

class Entered {
public:
    explicit Entered(Loop& loop) : before_(t_current) { t_current = &loop; }
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;
    ~Entered() { t_current = before_; }

private:
    Loop* before_;
};

}  // namespace

Loop::Loop(const Clock& clock, std::size_t index)
    : clock_(clock), index_(index), context_(1), timers_(context_, clock) {
    // A peer that leaves must be an EPIPE: sendfile and TLS libraries cannot ask for MSG_NOSIGNAL.
    std::signal(SIGPIPE, SIG_IGN);
}

Loop::~Loop() = default;

void Loop::run() {
    const Entered entered{*this};
    slabs_.adopt_thread();
    const auto work = boost::asio::make_work_guard(context_);
    context_.run();
}

std::size_t Loop::poll() {
    const Entered entered{*this};
    context_.restart();
    return context_.poll();
}

Loop& Loop::current() noexcept {
    assert(t_current != nullptr);
    return *t_current;
}

}  // namespace longshore::net

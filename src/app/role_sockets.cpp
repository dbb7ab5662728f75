// Listeners and the data directory: made, given by the service manager, or taken over from the process before.
#include "app/role.hpp"
#include "base/log.hpp"

#include <thread>

namespace longshore::app {
namespace {

constexpr std::chrono::seconds k_ending_time{10};  // of a process whose grace period is over

}  // namespace

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

Result<> RunningRole::restore_data_dir() {
    const auto restored = data_->restore();
    if (!restored) return restored.error();
    if (*restored) log(LogLevel::warning, "data_dir_made_again", {{"path", data_->path()}});
    return {};
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

}  // namespace longshore::app

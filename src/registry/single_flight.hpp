// One piece of work at a time for each key; whoever asks meanwhile gets the same outcome.
//
// The work belongs to nobody who asked: a caller that is cancelled leaves, the work goes on for the others and for
// whoever comes next.
//
// Ownership: `scope` runs the work and outlives the object's use.
// Threads:   one loop.
#pragma once

#include "base/error.hpp"
#include "net/scope.hpp"
#include "net/wait.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace longshore::registry {

// V is copied to every caller.
template <class V>
class SingleFlight {
public:
    explicit SingleFlight(net::Scope& scope) : scope_(scope) {}

    // `work` is started when nothing is under way for `key`, else destroyed unrun. Nothing: the caller was
    // cancelled.
    [[nodiscard]] Task<std::optional<V>> get(std::string key, Task<V> work) {
        if (scope_.cancelled()) co_return std::nullopt;
        auto& slot = flights_[key];
        if (!slot) {
            slot = std::make_shared<Flight>();
            const auto flight = slot;
            scope_.start(run(*this, std::move(key), flight, std::move(work)));
            auto outcome = co_await wait(flight);
            co_return outcome;
        }
        auto outcome = co_await wait(slot);
        co_return outcome;
    }

private:
    struct Flight {
        std::optional<V> outcome;
        net::Event landed;
    };

    static Task<> run(SingleFlight& self, std::string key, std::shared_ptr<Flight> flight, Task<V> work) {
        flight->outcome.emplace(co_await std::move(work));
        self.flights_.erase(key);
        flight->landed.notify();
    }

    static Task<std::optional<V>> wait(std::shared_ptr<Flight> flight) {
        while (!flight->outcome) {
            auto landed = co_await flight->landed.wait(Deadline::max());
            if (!landed) co_return std::nullopt;
        }
        co_return flight->outcome;
    }

    net::Scope& scope_;
    std::map<std::string, std::shared_ptr<Flight>> flights_;
};

}  // namespace longshore::registry

// The roles and the client commands behind `longshore`: what the command line calls once it knows what is meant.
//
// Each function blocks until its work is over and returns the process's exit status: 0 done, 1 failed. What it has
// to say goes to standard output, what went wrong to standard error.
#pragma once

#include "app/config.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace longshore::app {

// A role to run. `reload` reads the same file, environment and flags again; it blocks, so call it on the disk pool.
struct Start {
    Config config;
    std::function<config::Loaded<Config>()> reload;
};

// Until SIGTERM or SIGINT, then drains.
[[nodiscard]] int run_up(Start start);
[[nodiscard]] int run_mirror(Start start);

// Asks the URLs in order; the first that accepts a connection decides: healthy is status 200.
[[nodiscard]] int healthcheck(const std::vector<std::string>& urls);

enum class Form : std::uint8_t { text, json };

// Asks the running role through `<data_dir>/admin.sock`.
struct StatsQuery {
    std::string data_dir;
    Form form = Form::text;
};
[[nodiscard]] int mirror_stats(const StatsQuery& query);

}  // namespace longshore::app

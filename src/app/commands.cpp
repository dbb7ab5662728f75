#include "app/app.hpp"
#include "app/ask.hpp"
#include "app/stats.hpp"

#include <cstdio>
#include <filesystem>

namespace longshore::app {

int healthcheck(const std::vector<std::string>& urls) {
    std::string last = "nothing was named to ask";
    for (const auto& url : urls) {
        const auto answer = ask(url);
        if (answer && answer->status == 200) return 0;
        if (answer) {
            std::fprintf(stderr, "longshore: %s answered %d: %s\n", url.c_str(), answer->status, answer->body.c_str());
            return 1;
        }
        last = url + ": " + to_string(answer.error());
    }
    std::fprintf(stderr, "longshore: %s\nIs it running? Name another place with --url URL.\n", last.c_str());
    return 1;
}

int mirror_stats(const StatsQuery& query) {
    const auto answer =
        ask("http://localhost/metrics", std::filesystem::absolute(query.data_dir).string() + "/admin.sock");
    if (!answer) {
        std::fprintf(stderr, "longshore: no mirror runs on %s (%s)\nName its data directory with --data-dir DIR.\n",
                     query.data_dir.c_str(), to_string(answer.error()).c_str());
        return 1;
    }
    const auto stats = MirrorStats::parse(answer->body);
    std::fputs((query.form == Form::json ? stats.json() : stats.table()).c_str(), stdout);
    return 0;
}

}  // namespace longshore::app

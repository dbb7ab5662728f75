#include "telemetry/admin_handler.hpp"

#include "base/log_format.hpp"
#include "telemetry/prometheus.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace longshore::telemetry {
namespace {

constexpr std::string_view k_plain = "text/plain; charset=utf-8";
constexpr std::string_view k_json = "application/json";
constexpr std::string_view k_index = "longshore " LONGSHORE_VERSION
                                     "\n\n"
                                     "/metrics      measurements for Prometheus\n"
                                     "/ready        whether traffic should come here, and if not, why\n"
                                     "/healthcheck  whether the process is alive\n";

http::Response respond(http::Status status, std::string_view type, std::string body) {
    http::Response response;
    response.status = status;
    response.fields.add("content-type", type);
    response.fields.add("cache-control", "no-store");
    response.fields.add("x-content-type-options", "nosniff");
    response.body = http::Body::of(std::move(body));
    return response;
}

http::Response misdirected() {
    return respond(421, k_plain,
                   "This name does not belong to the admin listener. Ask by IP address or as localhost, or add the "
                   "name to the admin listener's configuration.\n");
}

http::Response method_not_allowed() {
    auto response = respond(405, k_plain, "Only GET and HEAD.\n");
    response.fields.add("allow", "GET, HEAD");
    return response;
}

bool is_ip_literal(std::string_view host) {
    std::array<unsigned char, 16> address;
    if (host.starts_with('[') && host.ends_with(']')) {
        return ::inet_pton(AF_INET6, std::string{host.substr(1, host.size() - 2)}.c_str(), address.data()) == 1;
    }
    return ::inet_pton(AF_INET, std::string{host}.c_str(), address.data()) == 1;
}

std::string lower_case(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

std::string readiness_json(const std::vector<Readiness::Reason>& reasons) {
    std::string json = reasons.empty() ? R"({"ready":true,"reasons":[)" : R"({"ready":false,"reasons":[)";
    for (const auto& reason : reasons) {
        json.append(&reason == reasons.data() ? R"({"check":)" : R"(,{"check":)");
        append_json_string(json, reason.check);
        json.append(R"(,"reason":)");
        append_json_string(json, reason.text);
        json.push_back('}');
    }
    return json.append("]}\n");
}

}  // namespace

AdminHandler::AdminHandler(Parts parts) : parts_(std::move(parts)) {
    for (auto& name : parts_.names) name = lower_case(std::move(name));
}

Task<http::Response> AdminHandler::handle(http::Request request) { co_return answer(request); }

bool AdminHandler::answers_for(std::string_view host) const {
    return host.empty() || host == "localhost" || is_ip_literal(host) ||
           std::ranges::find(parts_.names, host) != parts_.names.end();
}

http::Response AdminHandler::answer(const http::Request& request) {
    if (!answers_for(request.target.authority.host)) return misdirected();
    const std::string_view path{request.target.path};
    const bool known = path == "/" || path == "/metrics" || path == "/ready" || path == "/healthcheck";
    if (!known) return respond(404, k_plain, "No such page. / lists what is here.\n");
    if (request.method != "GET" && request.method != "HEAD") return method_not_allowed();
    if (path == "/metrics") return metrics();
    if (path == "/ready") return ready();
    if (path == "/healthcheck") return healthcheck();
    return respond(200, k_plain, std::string{k_index});
}

http::Response AdminHandler::metrics() const {
    return respond(200, k_prometheus_type, prometheus_text(parts_.measured));
}

http::Response AdminHandler::ready() const {
    const auto reasons = parts_.readiness.reasons();
    return respond(reasons.empty() ? 200 : 503, k_json, readiness_json(reasons));
}

http::Response AdminHandler::healthcheck() {
    const auto alive = parts_.pulse.check();
    if (!alive) return respond(503, k_plain, alive.error().where + "\n");
    return respond(200, k_plain, "ok\n");
}

}  // namespace longshore::telemetry

// A request path of any bytes: what is recognised holds valid, path-safe values, and spelled again means the same.
#include "registry/route.hpp"

#include <cstdlib>

namespace {

using namespace longshore;
using registry::Action;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_name(const registry::RepositoryName& name) {
    const auto& text = name.text();
    require(!text.empty() && text.size() <= registry::RepositoryName::k_longest);
    require(text.front() != '/' && text.back() != '/' && text.front() != '_');
    for (const auto* unsafe : {"..", "//", "/.", "./", "/_"}) require(text.find(unsafe) == std::string::npos);
    require(registry::RepositoryName::parse(text).value() == name);
}

void check_reference(std::string_view text) {
    const auto reference = registry::Reference::parse(text);
    if (!reference) return;
    require((reference->tag() != nullptr) != (reference->digest() != nullptr));
    require(reference->to_string() == text);
    require(text.find('/') == std::string_view::npos && text != "." && text != "..");
}

std::string spelled(const registry::Route& route) {
    const auto base = "/v2/" + route.name->text();
    switch (route.action) {
        case Action::manifest:
            return base + "/manifests/" + route.reference->to_string();
        case Action::blob:
            return base + "/blobs/" + route.digest->to_string();
        case Action::referrers:
            return base + "/referrers/" + route.digest->to_string();
        case Action::tags_list:
            return base + "/tags/list";
        default:
            return base + "/blobs/uploads/";
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    check_reference(text);
    if (const auto name = registry::RepositoryName::parse(text)) check_name(*name);
    const auto route = registry::parse_route(text);
    if (!route) {
        require(route.error().status == 400 && !route.error().message.empty());
        return 0;
    }
    if (!route->name) return 0;
    check_name(*route->name);
    const auto again = registry::parse_route(spelled(*route));
    require(again && again->action == route->action && again->name == route->name);
    require(again->reference == route->reference && again->digest == route->digest);
    return 0;
}

// A WWW-Authenticate field of any bytes: within its bounds, and a token request made of it is a clean URL.
#include "registry/challenge.hpp"

#include <cstdlib>

namespace {

using namespace longshore;

void require(bool holds) {
    if (!holds) std::abort();
}

bool upper_or_clean(std::string_view text) {
    return text.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ \t,=\"") == std::string_view::npos;
}

void check_request(const registry::Challenge& challenge) {
    static const auto asked = http::Target::from_url("https://registry.example/v2/a/manifests/b").value();
    static const auto name = registry::RepositoryName::parse("library/alpine").value();
    const auto scopes = registry::scopes_for(challenge, name);
    require(!scopes.empty());
    const auto target = registry::token_target(challenge, asked, scopes);
    if (!target) return;
    require(target->scheme == "http" || target->scheme == "https");
    const auto url = target->to_string();
    for (const char c : url) require(c > ' ' && c < '\x7f' && c != '#' && c != '"');
    require(http::Target::from_url(url).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view value{reinterpret_cast<const char*>(data), size};
    const auto challenges = registry::parse_challenges(value);
    require(challenges.size() <= 16);
    for (const auto& challenge : challenges) {
        require(!challenge.scheme.empty() && upper_or_clean(challenge.scheme));
        require(challenge.params.size() <= 32);
        require(challenge.token68.empty() || challenge.params.empty());
        for (const auto& [param, text] : challenge.params) require(!param.empty() && upper_or_clean(param));
        check_request(challenge);
    }
    if (const auto* const found = registry::bearer(challenges)) require(found->param("realm").has_value());
    return 0;
}

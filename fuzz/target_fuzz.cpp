// Targets and hosts: a canonical form is its own canonical form, and holds nothing that has two readings.
#include "http/target.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace longshore::http;

void require(bool condition) {
    if (!condition) std::abort();
}

void require_plain(std::string_view text) {
    for (const char byte : text) require(static_cast<unsigned char>(byte) > ' ' && byte < '\x7f' && byte != '#');
}

void require_canonical(const Target& target) {
    const std::string text = target.path_and_query();
    require_plain(text);
    require(target.path == "*" || target.path.starts_with('/'));
    require(target.path.find('?') == std::string::npos);
    const std::string closed = target.path + "/";
    require(closed.find("/./") == std::string::npos && closed.find("/../") == std::string::npos);
    for (const std::string_view never : {"%2e", "%2E", "%00", "%61", "\\"}) {
        require(target.path.find(never) == std::string::npos);
    }
    const auto again = Target::from_path(target.scheme, target.authority, text);
    require(again && again->path_and_query() == text && again->has_query == target.has_query);
}

void fuzz_authority(std::string_view text, std::uint16_t port) {
    const auto authority = Authority::parse(text, port);
    if (!authority) return;
    const auto again = Authority::parse(authority->to_string(), port);
    require(again && *again == *authority);
    require_plain(authority->host);
    require(!authority->host.ends_with('.') && authority->host.find('@') == std::string::npos);
}

void fuzz_url(const Target& target) {
    require_canonical(target);
    const auto again = Target::from_url(target.to_string());
    require(again && again->to_string() == target.to_string() && again->authority == target.authority);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    if (const auto target = Target::from_path("http", {"h", 0}, input)) require_canonical(*target);
    for (const std::uint16_t port : {0, 80, 443}) fuzz_authority(input, port);
    if (const auto target = Target::from_url(input)) fuzz_url(*target);
    static const Target base = *Target::from_url("https://h:5000/a/b/c?d");
    if (const auto target = base.resolve(input)) fuzz_url(*target);
    return 0;
}

#include "registry/loop_guard.hpp"

#include "http/cdn_loop.hpp"

#include <random>

namespace longshore::registry {
namespace {

constexpr std::string_view k_prefix = "longshore-";

std::string random_name() {
    constexpr std::string_view k_digits = "0123456789abcdef";
    std::random_device random;
    std::string name{k_prefix};
    for (int i = 0; i < 16; ++i) name.push_back(k_digits[random() & 15]);
    return name;
}

Refusal loop(std::string message) { return {508, ErrorCode::unsupported, std::move(message), {}}; }

}  // namespace

LoopGuard::LoopGuard() : name_(random_name()) {}

boost::system::result<std::string, Refusal> LoopGuard::passed(const http::Fields& fields) const {
    const auto value = fields.joined("cdn-loop");
    if (!value) return std::string{};
    const auto ids = http::parse_cdn_loop(*value);
    if (!ids) return Refusal{400, ErrorCode::unsupported, ids.error().where, {}};
    std::string mirrors;
    std::size_t count = 0;
    for (const auto id : *ids) {
        if (id == name_) return loop("this mirror asks itself: an upstream of it leads back here");
        if (!id.starts_with(k_prefix)) continue;
        if (++count > k_most_mirrors) {
            return loop("more than " + std::to_string(k_most_mirrors) + " mirrors ask one another");
        }
        mirrors.append(mirrors.empty() ? "" : ", ").append(id);
    }
    return mirrors;
}

std::string LoopGuard::cdn_loop(const std::string& passed) const {
    return passed.empty() ? name_ : passed + ", " + name_;
}

}  // namespace longshore::registry

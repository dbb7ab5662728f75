#include "registry/token.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>

namespace longshore::registry {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds k_shortest_life{60};
constexpr std::chrono::seconds k_longest_life{24 * 60 * 60};

std::string_view text_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return {};
    return value->get_string();
}

// Visible ASCII: what follows goes into a header as it is.
bool may_stand_in_a_field(std::string_view token) {
    return std::ranges::all_of(token, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::chrono::seconds life_of(const json::object& object) {
    const auto* const value = object.if_contains("expires_in");
    if (value == nullptr || !value->is_number()) return k_shortest_life;
    const std::chrono::duration<double> wanted{value->to_number<double>()};
    // Written so that a NaN, which JSON numbers with huge exponents become, is short.
    if (!(wanted > k_shortest_life)) return k_shortest_life;
    return wanted < k_longest_life ? std::chrono::duration_cast<std::chrono::seconds>(wanted) : k_longest_life;
}

}  // namespace

Result<Token> parse_token(std::string_view answer) {
    if (answer.size() > k_largest_token_answer) return Error{Errc::too_large, "token answer is larger than 64 KiB"};
    json::parse_options options;
    options.max_depth = 8;
    boost::system::error_code failure;
    const auto value = json::parse(answer, failure, {}, options);
    if (failure) return Error{Errc::invalid, "token answer is not JSON: " + failure.message()};
    if (!value.is_object()) return Error{Errc::invalid, "token answer is not a JSON object"};
    const auto& object = value.get_object();
    auto token = text_at(object, "token");
    if (token.empty()) token = text_at(object, "access_token");
    if (token.empty()) return Error{Errc::invalid, "token answer holds no token"};
    if (!may_stand_in_a_field(token)) return Error{Errc::invalid, "token holds characters that a header may not"};
    return Token{std::string{token}, life_of(object)};
}

}  // namespace longshore::registry

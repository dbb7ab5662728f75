#include "registry/challenge.hpp"

#include <algorithm>
#include <ranges>

namespace longshore::registry {
namespace {

constexpr std::size_t k_largest_fields = std::size_t{16} * 1024;  // bytes
constexpr std::size_t k_most_challenges = 16;
constexpr std::size_t k_most_params = 32;
constexpr std::size_t k_largest_target = std::size_t{8} * 1024;  // bytes

constexpr bool blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool token_char(char c) {
    return alnum(c) || (c != '\0' && std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos);
}
constexpr bool token68_char(char c) {
    return alnum(c) || (c != '\0' && std::string_view{"-._~+/"}.find(c) != std::string_view::npos);
}

// What a quoted string may hold, also behind a backslash: a tab, and everything visible or above ASCII.
constexpr bool text_char(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f'); }

std::string lower(std::string_view text) {
    std::string out{text};
    for (auto& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return out;
}

class Parser {
public:
    explicit Parser(std::string_view text) : rest_(text) {}

    std::vector<Challenge> run() {
        std::vector<Challenge> found;
        skip_list_separators();
        while (!rest_.empty() && found.size() < k_most_challenges) {
            auto challenge = one();
            if (!challenge) break;
            found.push_back(std::move(*challenge));
            if (!at_list_border()) break;
            skip_list_separators();
        }
        return found;
    }

private:
    std::string_view take_while(auto predicate) {
        const auto end = std::ranges::find_if_not(rest_, predicate) - rest_.begin();
        const auto taken = rest_.substr(0, static_cast<std::size_t>(end));
        rest_.remove_prefix(taken.size());
        return taken;
    }
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void skip_blanks() { take_while(blank); }
    void skip_list_separators() {
        take_while([](char c) { return blank(c) || c == ','; });
    }
    [[nodiscard]] bool at_list_border() const { return rest_.empty() || rest_.front() == ','; }

    // A scheme, then blanks and either token68 or parameters.
    std::optional<Challenge> one() {
        Challenge challenge;
        challenge.scheme = lower(take_while(token_char));
        if (challenge.scheme.empty()) return std::nullopt;
        const auto before = rest_.size();
        skip_blanks();
        if (at_list_border()) return challenge;
        if (before == rest_.size()) return std::nullopt;
        if (take_token68(challenge)) return challenge;
        if (!take_params(challenge)) return std::nullopt;
        return challenge;
    }

    bool take_token68(Challenge& challenge) {
        const auto saved = rest_;
        const auto characters = take_while(token68_char);
        const auto padding = take_while([](char c) { return c == '='; });
        skip_blanks();
        if (!characters.empty() && at_list_border()) {
            challenge.token68 = saved.substr(0, characters.size() + padding.size());
            return true;
        }
        rest_ = saved;
        return false;
    }

    // Stands behind the scheme; ends before the comma that leads to the next challenge.
    bool take_params(Challenge& challenge) {
        if (!take_param(challenge)) return false;
        for (;;) {
            const auto saved = rest_;
            skip_list_separators();
            if (rest_.empty()) return true;
            if (!next_is_param()) {
                rest_ = saved;
                return true;
            }
            if (!take_param(challenge)) return false;
        }
    }

    // A name and "=" is a parameter; any other word starts a challenge.
    [[nodiscard]] bool next_is_param() const {
        auto ahead = *this;
        if (ahead.take_while(token_char).empty()) return false;
        ahead.skip_blanks();
        return ahead.take('=');
    }

    bool take_param(Challenge& challenge) {
        auto name = lower(take_while(token_char));
        skip_blanks();
        if (name.empty() || !take('=')) return false;
        skip_blanks();
        auto value = take('"') ? take_quoted() : take_plain();
        skip_blanks();
        if (!value || !at_list_border() || challenge.params.size() == k_most_params) return false;
        challenge.params.emplace_back(std::move(name), std::move(*value));
        return true;
    }

    std::optional<std::string> take_quoted() {
        std::string value;
        while (!rest_.empty()) {
            char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '"') return value;
            if (c == '\\') {
                if (rest_.empty()) return std::nullopt;
                c = rest_.front();
                rest_.remove_prefix(1);
            }
            if (!text_char(c)) return std::nullopt;
            value.push_back(c);
        }
        return std::nullopt;
    }

    // A token; URLs and scopes that should have been quoted are understood up to the next comma.
    std::optional<std::string> take_plain() {
        return std::string{take_while([](char c) { return c != ',' && c != '"' && !blank(c) && text_char(c); })};
    }

    std::string_view rest_;
};

const Challenge* first_of(std::span<const Challenge> challenges, auto predicate) noexcept {
    const auto found = std::ranges::find_if(challenges, predicate);
    return found == challenges.end() ? nullptr : &*found;
}

std::string percent_encoded(std::string_view text) {
    static constexpr std::string_view k_digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.append({'%', k_digits[byte >> 4], k_digits[byte & 15]});
    }
    return out;
}

void add_param(std::string& query, std::string_view name, std::string_view value) {
    if (!query.empty() && !query.ends_with('&')) query.push_back('&');
    query.append(name).append("=").append(percent_encoded(value));
}

Error bad_realm(std::string_view why) { return {Errc::invalid, "token realm " + std::string{why}}; }

}  // namespace

std::optional<std::string_view> Challenge::param(std::string_view name) const noexcept {
    for (const auto& [known, value] : params) {
        if (known == name) return value;
    }
    return std::nullopt;
}

std::vector<Challenge> parse_challenges(std::string_view value) {
    if (value.size() > k_largest_fields) return {};
    return Parser{value}.run();
}

std::vector<Challenge> challenges_of(const http::Fields& fields) {
    std::vector<Challenge> all;
    std::size_t bytes = 0;
    for (const auto& field : fields) {
        if (field.name != "www-authenticate") continue;
        bytes += field.value.size();
        if (bytes > k_largest_fields) break;
        std::ranges::move(parse_challenges(field.value), std::back_inserter(all));
    }
    if (all.size() > k_most_challenges) all.resize(k_most_challenges);
    return all;
}

const Challenge* bearer(std::span<const Challenge> challenges) noexcept {
    return first_of(challenges, [](const Challenge& challenge) {
        return challenge.scheme == "bearer" && !challenge.param("realm").value_or("").empty();
    });
}

const Challenge* basic(std::span<const Challenge> challenges) noexcept {
    return first_of(challenges, [](const Challenge& challenge) { return challenge.scheme == "basic"; });
}

std::string pull_scope(const RepositoryName& name) { return "repository:" + name.text() + ":pull"; }

std::vector<std::string> scopes_for(const Challenge& challenge, const RepositoryName& name) {
    std::vector<std::string> scopes;
    auto rest = challenge.param("scope").value_or("");
    while (!rest.empty()) {
        const auto end = std::min(rest.find(' '), rest.size());
        if (end != 0) scopes.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (scopes.empty()) scopes.push_back(pull_scope(name));
    return scopes;
}

std::string token_query(std::string_view existing, std::string_view service, std::span<const std::string> scopes) {
    std::string query{existing};
    if (!service.empty()) add_param(query, "service", service);
    for (const auto& scope : scopes) add_param(query, "scope", scope);
    return query;
}

Result<http::Target> token_target(const Challenge& challenge, const http::Target& asked,
                                  std::span<const std::string> scopes) {
    auto realm = challenge.param("realm").value_or("");
    realm = realm.substr(0, realm.find('#'));
    if (realm.empty()) return bad_realm("is missing");
    auto target = asked.resolve(realm);
    if (!target) return bad_realm("cannot be read: " + target.error().where);
    if (target->scheme != "http" && target->scheme != "https") return bad_realm("is neither http nor https");
    if (target->authority.host.empty()) return bad_realm("names no host");
    target->query = token_query(target->query, challenge.param("service").value_or(""), scopes);
    target->has_query = !target->query.empty();
    if (target->path.size() + target->query.size() > k_largest_target) {
        return Error{Errc::too_large, "token request is longer than 8 KiB"};
    }
    return target;
}

}  // namespace longshore::registry

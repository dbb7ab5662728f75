#include "config/describe.hpp"

namespace longshore::config {

Field& Describer::toggle(std::string_view name, bool& member, std::string_view doc) {
    Scalar scalar{"SWITCH", "true or false", true};
    scalar.set = [&member](std::string_view text) -> Verdict {
        const auto parsed = parse_switch(text);
        if (!parsed) return parsed.error();
        member = *parsed;
        return {};
    };
    scalar.text = [&member] { return std::string{member ? "true" : "false"}; };
    return add(name, doc, std::move(scalar));
}

Field& Describer::text(std::string_view name, std::string& member, std::string_view doc) {
    Scalar scalar{"TEXT", {}};
    scalar.set = [&member](std::string_view text) -> Verdict {
        member = text;
        return {};
    };
    scalar.text = [&member] { return member; };
    return add(name, doc, std::move(scalar));
}

Field& Describer::list(std::string_view name, std::vector<std::string>& member, std::string_view doc) {
    List list{.clear = [&member] { member.clear(); },
              .append = [&member](std::string item) { member.push_back(std::move(item)); },
              .items = [&member] { return member; }};
    return add(name, doc, std::move(list));
}

}  // namespace longshore::config

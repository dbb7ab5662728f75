// What people read about a configuration, from its declarations: --help and the Markdown reference. Pure.
#pragma once

#include "config/schema.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace longshore::config {

constexpr std::size_t k_help_columns = 80;

// `text` in lines of at most k_help_columns, each after `indent` spaces and ending in a newline.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t indent);

// One flag as help shows it: `  --tag-ttl DURATION` and below it the indented sentence with the default.
[[nodiscard]] std::string flag_help(std::string_view flag, std::string_view placeholder, std::string_view doc);

// All flags by group. Secrets appear with their environment variable.
[[nodiscard]] std::string flags_help(Schema& schema);

// The settings as Markdown, a section for each group, below the text of `introduction`.
[[nodiscard]] std::string reference(Schema& schema, std::string_view introduction);

}  // namespace longshore::config

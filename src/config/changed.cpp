#include "config/changed.hpp"

namespace longshore::config {

std::vector<Change> changed(Schema& before, Schema& after) {
    std::vector<Change> changes;
    const auto old_settings = settings(before);
    const auto new_settings = settings(after);
    for (std::size_t i = 0; i < old_settings.size(); ++i) {
        const auto& was = old_settings[i];
        const auto& is = new_settings[i];
        if (exact_text_of(*was.field) == exact_text_of(*is.field)) continue;
        changes.push_back({is.path, is.field->reload, text_of(*was.field), text_of(*is.field)});
    }
    return changes;
}

}  // namespace longshore::config

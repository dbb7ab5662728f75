#include "config/load.hpp"

namespace longshore::config {

namespace {

void apply_file(Files& files, const std::string& path, Schema& schema, Mistakes& mistakes) {
    const auto text = read_whole(files, path, k_document_bytes);
    if (!text) {
        const bool large = text.error().code == Errc::too_large;
        mistakes.add({{},
                      {path},
                      large ? "the file is too large" : "cannot be read: " + to_string(text.error()),
                      large ? "the most is 1MiB" : "check the path given by --config"});
        return;
    }
    if (const auto document = parse_document(*text, path, mistakes)) apply_document(schema, *document, mistakes);
}

}  // namespace

std::vector<Mistake> apply_sources(Files& files, const Sources& sources, Schema& schema) {
    Mistakes mistakes;
    if (!sources.file.empty()) apply_file(files, sources.file, schema, mistakes);
    apply_environment(schema, sources.environment, mistakes);
    apply_flags(schema, sources.flags, mistakes);
    run_checks(schema, mistakes);
    return mistakes.take();
}

}  // namespace longshore::config

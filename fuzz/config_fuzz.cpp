// A configuration file of any bytes: no crash, no growth beyond the limits, and what is accepted prints and compares.
#include "config/changed.hpp"
#include "config/load.hpp"

#include <cstdlib>

namespace {

using namespace longshore::config;

struct Element {
    std::string url;
    std::uint32_t count = 1;
};

struct Inner {
    std::chrono::milliseconds wait{100};
    bool on = false;
};

struct Whole {
    std::string name;
    std::string token;
    std::uint64_t size = 1;
    std::vector<std::string> list;
    std::vector<Element> each;
    std::map<std::string, Element> named;
    Inner inner;
};

void describe(Describer& d, Element& c) {
    d.text("url", c.url, "A URL.");
    d.number("count", c.count, {1, 100}, "A count.");
}

void describe(Describer& d, Inner& c) {
    d.duration<std::chrono::milliseconds>("wait", c.wait, {std::chrono::milliseconds{1}, std::chrono::hours{1}},
                                          "Wait.");
    d.toggle("on", c.on, "On.");
}

void describe(Describer& d, Whole& c) {
    d.text("name", c.name, "A name.");
    d.text("token", c.token, "A secret.").secret();
    d.size("size", c.size, {1, 1 << 20}, "A size.");
    d.list("list", c.list, "A list.");
    d.each("each", c.each, "Structs.");
    d.named("named", c.named, "Structs by name.").principal("url");
    d.group("inner", c.inner, "A group");
}

void require(bool holds) {
    if (!holds) std::abort();
}

Loaded<Whole> read(std::string_view text) {
    Loaded<Whole> loaded{{}, {}};
    auto schema = schema_of(loaded.value);
    Mistakes mistakes;
    if (const auto document = parse_document(text, "fuzz", mistakes)) apply_document(schema, *document, mistakes);
    run_checks(schema, mistakes);
    loaded.mistakes = mistakes.take();
    return loaded;
}

void set_from_text(std::string_view text) {
    Whole value;
    auto schema = schema_of(value);
    Mistakes mistakes;
    for (const auto& setting : settings(schema)) {
        const std::vector<std::string> texts{std::string{text}};
        apply_texts(setting, texts, {"fuzz"}, mistakes);
    }
    for (const auto& mistake : mistakes.take()) require(!to_string(mistake).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto loaded = read(text);
    require(loaded.mistakes.size() <= Mistakes::k_limit + 1);
    require(loaded.value.size >= 1 && loaded.value.size <= 1 << 20);
    require(loaded.value.inner.wait >= std::chrono::milliseconds{1});
    require(changed(loaded.value, read(text).value).empty());
    if (size <= 256) set_from_text(text);
    return 0;
}

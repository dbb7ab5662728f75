#include "config/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>

namespace longshore::config {

namespace {

// Leaves the parser at a limit; never leaves this file.
struct Stop {};

class ViewBuffer final : public std::streambuf {
public:
    explicit ViewBuffer(std::string_view text) {
        auto* begin = const_cast<char*>(text.data());  // the get area is never written
        setg(begin, begin, begin + text.size());
    }
};

class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(std::string source, Mistakes& mistakes) : source_(std::move(source)), mistakes_(mistakes) {}

    [[nodiscard]] Node take() { return std::move(root_); }
    [[nodiscard]] Origin origin(const YAML::Mark& mark) const {
        if (mark.is_null()) return {source_};
        return {source_, static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
    }

    void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (expects_key()) return refuse_key(mark);
        put(mark, {}, anchor, Node::Kind::null);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
        complain(mark, "aliases are not accepted", "write the value out");
        if (expects_key()) return refuse_key(mark);
        put(mark, {}, 0, Node::Kind::refused);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        if (expects_key()) return put_key(mark, tag, anchor, value);
        put(mark, tag, anchor, Node::Kind::scalar).text = value;
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        open(mark, tag, anchor, Node::Kind::sequence);
    }
    void OnSequenceEnd() override { open_.pop_back(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        open(mark, tag, anchor, Node::Kind::map);
    }
    void OnMapEnd() override { open_.pop_back(); }

private:
    [[nodiscard]] bool expects_key() const {
        return !open_.empty() && open_.back()->kind == Node::Kind::map &&
               open_.back()->keys.size() == open_.back()->items.size();
    }

    void complain(const YAML::Mark& mark, std::string text, std::string fix) {
        mistakes_.add({{}, origin(mark), std::move(text), std::move(fix)});
    }

    [[noreturn]] void stop(const YAML::Mark& mark, std::string text, std::string fix) {
        complain(mark, std::move(text), std::move(fix));
        throw Stop{};
    }

    void refuse_key(const YAML::Mark& mark) {
        stop(mark, "this is not a key", "keys are plain words, such as `listen`");
    }

    void count(const YAML::Mark& mark) {
        if (++nodes_ <= k_document_nodes) return;
        stop(mark, "there are too many values", "the most is " + std::to_string(k_document_nodes));
    }

    void refuse_extras(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (anchor != 0) complain(mark, "anchors are not accepted", "remove it, and write the value where it is used");
        const bool ordinary = tag.empty() || tag == "?" || tag == "!";
        if (!ordinary) complain(mark, "tags are not accepted", "remove " + quoted(tag));
    }

    void put_key(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) {
        count(mark);
        refuse_extras(mark, tag, anchor);
        open_.back()->keys.push_back({text, origin(mark)});
    }

    Node& put(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
        count(mark);
        refuse_extras(mark, tag, anchor);
        auto& place = open_.empty() ? root_ : open_.back()->items.emplace_back();
        place.kind = kind;
        place.origin = origin(mark);
        return place;
    }

    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
        if (expects_key()) return refuse_key(mark);
        if (open_.size() >= k_document_depth) {
            stop(mark, "values are nested too deeply", "the most is " + std::to_string(k_document_depth) + " levels");
        }
        open_.push_back(&put(mark, tag, anchor, kind));
    }

    std::string source_;
    Mistakes& mistakes_;
    Node root_;
    std::vector<Node*> open_;  // root first; an open node's siblings do not grow, so it stays in place
    std::size_t nodes_ = 0;
};

// The length of the UTF-8 sequence at the front of `text` (RFC 3629); 0 when there is none.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0; };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
    if ((first & 0xf0) == 0xe0) {
        const bool overlong = first == 0xe0 && byte(1) < 0xa0;
        const bool surrogate = first == 0xed && byte(1) > 0x9f;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    const bool in_range =
        (first == 0xf0 && byte(1) >= 0x90) || (first > 0xf0 && first < 0xf4) || (first == 0xf4 && byte(1) <= 0x8f);
    return in_range && follows(1) && follows(2) && follows(3) ? 4 : 0;
}

// Line of the first byte that is not text; 0 when all is.
std::size_t first_binary_line(std::string_view text) {
    std::size_t line = 1;
    while (!text.empty()) {
        const auto length = sequence_length(text);
        const auto first = static_cast<std::uint8_t>(text.front());
        const bool control = first < 0x20 && first != '\n' && first != '\r' && first != '\t';
        if (length == 0 || control || first == 0x7f) return line;
        if (first == '\n') ++line;
        text.remove_prefix(length);
    }
    return 0;
}

// Line that is longer than the limit; 0 when none is.
std::size_t first_long_line(std::string_view text) {
    for (std::size_t line = 1; !text.empty(); ++line) {
        const auto end = std::min(text.find('\n'), text.size());
        if (end > k_document_line) return line;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return 0;
}

bool is_readable(std::string_view text, const std::string& source, Mistakes& mistakes) {
    if (text.size() > k_document_bytes) {
        mistakes.add({{}, {source}, "the file is too large", "the most is 1MiB"});
        return false;
    }
    if (const auto line = first_binary_line(text); line != 0) {
        mistakes.add({{}, {source, line, 1}, "this is not UTF-8 text", "save the file as UTF-8"});
        return false;
    }
    if (const auto line = first_long_line(text); line != 0) {
        mistakes.add({{}, {source, line, 1}, "the line is too long", "the most is 64KiB"});
        return false;
    }
    return true;
}

}  // namespace

std::optional<Node> parse_document(std::string_view text, const std::string& source, Mistakes& mistakes) {
    if (!is_readable(text, source, mistakes)) return std::nullopt;
    ViewBuffer buffer{text};
    std::istream stream{&buffer};
    TreeBuilder tree{source, mistakes};
    TreeBuilder rest{source, mistakes};
    try {
        YAML::Parser parser{stream};
        static_cast<void>(parser.HandleNextDocument(tree));
        if (parser.HandleNextDocument(rest)) {
            mistakes.add({{}, rest.take().origin, "a second document begins", "keep one document in the file"});
        }
    } catch (const Stop&) {
        return std::nullopt;
    } catch (const YAML::Exception& error) {
        mistakes.add({{}, tree.origin(error.mark), "this is not YAML: " + error.msg, {}});
        return std::nullopt;
    }
    return tree.take();
}

}  // namespace longshore::config

#include "config/document.hpp"

#include <gtest/gtest.h>

namespace longshore::config {
namespace {

struct Read {
    std::optional<Node> node;
    std::vector<Mistake> mistakes;
};

Read read(std::string_view text) {
    Mistakes mistakes;
    auto node = parse_document(text, "f.yaml", mistakes);
    return {std::move(node), mistakes.take()};
}

std::string only_mistake(std::string_view text) {
    const auto result = read(text);
    if (result.mistakes.size() != 1) return std::to_string(result.mistakes.size()) + " mistakes";
    return to_string(result.mistakes.front());
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(Document, KeepsKeysValuesAndPlaces) {
    const auto [node, mistakes] = read("a: 1\nb:\n  - x\n  - {c: 'y'}\n");

    ASSERT_TRUE(node && mistakes.empty());
    ASSERT_EQ(node->kind, Node::Kind::map);
    EXPECT_EQ(node->keys[1].text, "b");
    EXPECT_EQ(node->keys[1].origin.line, 2U);
    ASSERT_EQ(node->items[1].kind, Node::Kind::sequence);
    EXPECT_EQ(node->items[1].items[0].text, "x");
    EXPECT_EQ(node->items[1].items[0].origin.line, 3U);
    EXPECT_EQ(node->items[1].items[0].origin.column, 5U);
    EXPECT_EQ(node->items[1].items[1].items[0].text, "y");
}

TEST(Document, ReadsAnEmptyFileAsNothing) {
    for (const auto* text : {"", "\n\n", "# only a comment\n", "---\n", "\xef\xbb\xbf"}) {
        const auto [node, mistakes] = read(text);
        EXPECT_TRUE(node && node->kind == Node::Kind::null && mistakes.empty()) << text;
    }
}

TEST(Document, RefusesAnchorsAndAliasesWithTheirPlaces) {
    const auto [node, mistakes] = read("a: &x 1\nb: *x\n");

    ASSERT_EQ(mistakes.size(), 2U);
    EXPECT_EQ(to_string(mistakes[0]).find("f.yaml:1:4: anchors are not accepted"), 0U) << to_string(mistakes[0]);
    EXPECT_EQ(to_string(mistakes[1]).find("f.yaml:2:4: aliases are not accepted"), 0U) << to_string(mistakes[1]);
}

TEST(Document, NeverExpandsABomb) {
    std::string bomb = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 40; ++i) {
        const auto last = std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + last + ", *a" + last + "]\n";
    }

    const auto [node, mistakes] = read(bomb);

    EXPECT_EQ(mistakes.size(), Mistakes::k_limit + 1);
}

TEST(Document, RefusesTags) {
    EXPECT_NE(only_mistake("a: !!binary aGk=\n").find("tags are not accepted"), std::string::npos);
    EXPECT_NE(only_mistake("a: !mine {b: c}\n").find("tags are not accepted"), std::string::npos);
}

TEST(Document, StopsAtTheDepthLimit) {
    EXPECT_TRUE(read(nested(k_document_depth)).mistakes.empty());
    EXPECT_NE(only_mistake(nested(k_document_depth + 1)).find("nested too deeply"), std::string::npos);
}

TEST(Document, StopsAtTheNodeLimit) {
    std::string many = "[";
    for (std::size_t i = 0; i < k_document_nodes; ++i) many += "1,\n";

    EXPECT_NE(only_mistake(many + "]").find("too many values; the most is 100000"), std::string::npos);
}

TEST(Document, RefusesAFileBeyondOneMebibyte) {
    EXPECT_TRUE(read(std::string(k_document_bytes, '\n')).mistakes.empty());
    EXPECT_EQ(only_mistake(std::string(k_document_bytes + 1, '\n')), "f.yaml: the file is too large; the most is 1MiB");
}

TEST(Document, RefusesALineThatWouldHaveToBeReadAhead) {
    const std::string line(k_document_line, '#');

    EXPECT_TRUE(read("a: 1\n" + line + "\n").mistakes.empty());
    EXPECT_EQ(only_mistake("a: 1\n" + line + "#\n"), "f.yaml:2:1: the line is too long; the most is 64KiB");
    EXPECT_NE(only_mistake(std::string(k_document_line, '[')).find("f.yaml:1:"), std::string::npos);
}

TEST(Document, RefusesWhatIsNotText) {
    for (const std::string_view text : {"a: b\n\xff\xfe",
                                        "a: b\n\0"
                                        "c: d",
                                        "x\n\x1b[2J", "x\n\xc0\xaf", "x\n\xed\xa0\x80", "x\n\xf4\x90\x80\x80"}) {
        const std::string bytes{text.data(), text == "a: b\n" ? 6 : text.size()};
        EXPECT_EQ(only_mistake(bytes), "f.yaml:2:1: this is not UTF-8 text; save the file as UTF-8");
    }
    EXPECT_TRUE(read("a: é — 漢 🙂\n").mistakes.empty());
}

TEST(Document, SaysWhereTheYamlBreaks) {
    EXPECT_EQ(only_mistake("a: 1\nb: [1, 2\n").find("f.yaml:"), 0U);
    EXPECT_NE(only_mistake("a: 1\n b: 2\n").find("this is not YAML"), std::string::npos);
    EXPECT_NE(only_mistake("a: *nothing\n").find("this is not YAML"), std::string::npos);
}

TEST(Document, RefusesKeysThatAreNotWords) {
    EXPECT_NE(only_mistake("? [a, b]\n: c\n").find("this is not a key"), std::string::npos);
    EXPECT_NE(only_mistake("~: c\n").find("this is not a key"), std::string::npos);
}

TEST(Document, RefusesASecondDocument) {
    EXPECT_EQ(only_mistake("a: 1\n---\nb: 2\n"), "f.yaml:3:1: a second document begins; keep one document in the file");
}

}  // namespace
}  // namespace longshore::config

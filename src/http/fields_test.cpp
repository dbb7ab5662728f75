#include "http/fields.hpp"

#include <gtest/gtest.h>

namespace longshore::http {
namespace {

std::string text_of(const Fields& fields) {
    std::string out;
    for (const FieldView field : fields) out.append(field.name).append("=").append(field.value).append(";");
    return out;
}

Fields sample() {
    Fields fields;
    fields.add("Accept", "a");
    fields.add("Host-Name", "x");
    fields.add("ACCEPT", "b");
    fields.add("Empty", "");
    return fields;
}

TEST(Fields, KeepsOrderAndStoresNamesInLowerCase) {
    EXPECT_EQ(text_of(sample()), "accept=a;host-name=x;accept=b;empty=;");
}

TEST(Fields, LowersLettersOnlyWhereverTheyStand) {
    for (int byte = 1; byte < 256; ++byte) {
        for (const std::size_t size : {3u, 8u, 11u, 16u, 21u}) {
            std::string name(size, 'Q');
            name[size / 2] = static_cast<char>(byte);
            std::string expected(size, 'q');
            expected[size / 2] = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
            Fields fields;

            fields.add(name, "V");

            EXPECT_EQ(fields[0].name, expected);
            EXPECT_EQ(fields[0].value, "V");
        }
    }
}

TEST(Fields, FindsTheFirstValueAndCountsAll) {
    const Fields fields = sample();

    EXPECT_EQ(fields.get("accept"), "a");
    EXPECT_EQ(fields.count("accept"), 2u);
    EXPECT_EQ(fields.get("empty"), "");
    EXPECT_FALSE(fields.has("other"));
    EXPECT_EQ(fields.get_or("other", "z"), "z");
}

TEST(Fields, JoinsListsWithCommas) {
    const Fields fields = sample();

    EXPECT_EQ(fields.joined("accept"), "a, b");
    EXPECT_EQ(fields.joined("other"), std::nullopt);
}

TEST(Fields, FindsTokensInAnyOfTheValuesWithoutRegardToCase) {
    Fields fields;
    fields.add("connection", "keep-alive ,\tUpgrade,,");
    fields.add("connection", "x");

    EXPECT_TRUE(fields.has_token("connection", "upgrade"));
    EXPECT_TRUE(fields.has_token("connection", "X"));
    EXPECT_FALSE(fields.has_token("connection", "keep"));
    EXPECT_FALSE(fields.has_token("other", "x"));
}

TEST(Fields, SetReplacesAllInPlaceOfTheFirst) {
    Fields fields = sample();

    fields.set("Accept", "c");
    fields.set("new", "n");

    EXPECT_EQ(text_of(fields), "accept=c;host-name=x;empty=;new=n;");
    EXPECT_EQ(fields.bytes(), std::string_view("acceptchost-namexemptynewn").size());
}

TEST(Fields, RemoveKeepsTheOrderOfTheRest) {
    Fields fields = sample();

    fields.remove("Accept");

    EXPECT_EQ(text_of(fields), "host-name=x;empty=;");
    fields.remove("absent");
    EXPECT_EQ(fields.size(), 2u);
}

TEST(Fields, AcceptsViewsIntoItself) {
    Fields fields;
    fields.add("a", std::string(40, 'x'));

    for (int i = 0; i < 50; ++i) fields.add(fields[0].name, fields[0].value);
    fields.set("a", *fields.get("a"));

    EXPECT_EQ(text_of(fields), "a=" + std::string(40, 'x') + ";");
}

TEST(Fields, ClearsToEmpty) {
    Fields fields = sample();

    fields.clear();

    EXPECT_TRUE(fields.empty());
    EXPECT_EQ(fields.bytes(), 0u);
}

TEST(FieldGrammar, NamesAreTokens) {
    for (const std::string_view name : {"a", "X-Y_z", "!#$%&'*+-.^_`|~0"}) EXPECT_TRUE(valid_field_name(name)) << name;
    for (const std::string_view name : {"", " ", "a b", "a:", "a\r", "(a)", "a/b", "\"", "caf\xc3\xa9", "a\x7f"}) {
        EXPECT_FALSE(valid_field_name(name)) << name;
    }
    EXPECT_FALSE(valid_field_name(std::string_view("a\0b", 3)));
}

TEST(FieldGrammar, ValuesHoldNoControlButTab) {
    for (int byte = 0; byte < 256; ++byte) {
        const bool allowed = byte == '\t' || (byte >= ' ' && byte != 0x7f);
        for (std::size_t at = 1; at < 19; ++at) {
            std::string value(20, 'v');
            value[at] = static_cast<char>(byte);
            EXPECT_EQ(valid_field_value(value), allowed) << byte << " at " << at;
        }
    }
}

TEST(FieldGrammar, ValuesDoNotStartOrEndWithBlanks) {
    EXPECT_TRUE(valid_field_value(""));
    EXPECT_TRUE(valid_field_value("a b"));
    for (const std::string_view value : {" a", "a ", "\ta", "a\t", " "}) EXPECT_FALSE(valid_field_value(value));
}

TEST(FieldGrammar, KnowsConnectionLevelFields) {
    for (const std::string_view name : {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding",
                                        "upgrade", "content-length", "http2-settings"}) {
        EXPECT_TRUE(is_hop_by_hop(name)) << name;
    }
    for (const std::string_view name : {"host", "trailer", "content-type", "", "tf"}) EXPECT_FALSE(is_hop_by_hop(name));
}

}  // namespace
}  // namespace longshore::http

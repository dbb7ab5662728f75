// Names as registries write them: repository, tag, and what a manifest is asked by.
//
// Each is a value that holds valid text only: parse once at the boundary, pass the type on. A valid name has no
// "." or ".." component and no component that starts with "_", so it is safe as a relative file path.
// Errors: Errc::invalid with the rule that was broken.
// Source: OCI distribution-spec, "Pulling manifests" (name and tag grammar); 255 bytes as clients limit it.
#pragma once

#include "base/digest.hpp"
#include "base/error.hpp"

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace longshore::registry {

class RepositoryName {
public:
    static constexpr std::size_t k_longest = 255;  // bytes

    [[nodiscard]] static Result<RepositoryName> parse(std::string_view text);

    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] bool one_component() const noexcept { return text_.find('/') == std::string::npos; }

    friend bool operator==(const RepositoryName&, const RepositoryName&) = default;
    friend auto operator<=>(const RepositoryName&, const RepositoryName&) = default;

private:
    explicit RepositoryName(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

class Tag {
public:
    static constexpr std::size_t k_longest = 128;  // bytes

    [[nodiscard]] static Result<Tag> parse(std::string_view text);

    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    friend bool operator==(const Tag&, const Tag&) = default;
    friend auto operator<=>(const Tag&, const Tag&) = default;

private:
    explicit Tag(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

// A tag (mutable) or a digest (for ever). Text with a colon can only be a digest.
class Reference {
public:
    explicit Reference(Tag tag) : value_(std::move(tag)) {}
    explicit Reference(Digest digest) : value_(std::move(digest)) {}

    [[nodiscard]] static Result<Reference> parse(std::string_view text);

    // Null when it is the other kind.
    [[nodiscard]] const Tag* tag() const noexcept { return std::get_if<Tag>(&value_); }
    [[nodiscard]] const Digest* digest() const noexcept { return std::get_if<Digest>(&value_); }
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const Reference&, const Reference&) = default;

private:
    std::variant<Tag, Digest> value_;
};

}  // namespace longshore::registry

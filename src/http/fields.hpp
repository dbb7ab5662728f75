// Header and trailer fields: an ordered list, names in lower case, values trimmed.
//
// Kept in one buffer: a message costs two allocations however many fields it has. Lookups are linear, which is
// fastest at the sizes that limits allow. Hop-by-hop fields and framing (Connection, Transfer-Encoding,
// Content-Length, Upgrade, ...) never stand here: codecs own them; see `is_hop_by_hop`.
// Source: RFC 9110 §5, RFC 9113 §8.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::http {

struct FieldView {
    std::string_view name;
    std::string_view value;
};

class Fields {
public:
    class Iterator;

    // `name` in any case; it is stored in lower case. Both must be valid (see valid_field_name, valid_field_value).
    void add(std::string_view name, std::string_view value);
    // Replaces every field of that name.
    void set(std::string_view name, std::string_view value);
    void remove(std::string_view name);
    void clear() noexcept;
    // Room for that many fields and bytes of names and values.
    void reserve(std::size_t fields, std::size_t bytes);

    // `name` in lower case, here and below. The first value, or nothing.
    [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
    [[nodiscard]] std::string_view get_or(std::string_view name, std::string_view otherwise) const noexcept;
    [[nodiscard]] bool has(std::string_view name) const noexcept { return get(name).has_value(); }
    [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
    // All values of a list field, joined by ", ".
    [[nodiscard]] std::optional<std::string> joined(std::string_view name) const;
    // Whether the comma-separated list field has `token` (compared without case).
    [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const noexcept;

    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    // Bytes of all names and values.
    [[nodiscard]] std::size_t bytes() const noexcept { return text_.size(); }
    [[nodiscard]] FieldView operator[](std::size_t index) const noexcept;
    [[nodiscard]] Iterator begin() const noexcept;
    [[nodiscard]] Iterator end() const noexcept;

private:
    struct Entry {
        std::uint32_t name_at;
        std::uint32_t name_size;
        std::uint32_t value_at;
        std::uint32_t value_size;
    };
    std::string text_;
    std::vector<Entry> entries_;
};

class Fields::Iterator {
public:
    Iterator(const Fields& fields, std::size_t index) : fields_(&fields), index_(index) {}
    FieldView operator*() const noexcept { return (*fields_)[index_]; }
    Iterator& operator++() noexcept {
        ++index_;
        return *this;
    }
    bool operator==(const Iterator& other) const noexcept { return index_ == other.index_; }

private:
    const Fields* fields_;
    std::size_t index_;
};

inline Fields::Iterator Fields::begin() const noexcept { return {*this, 0}; }
inline Fields::Iterator Fields::end() const noexcept { return {*this, entries_.size()}; }

// token (RFC 9110 §5.6.2), not empty.
[[nodiscard]] bool valid_field_name(std::string_view name) noexcept;
// field-value without CR, LF, NUL and other controls but tab; no white space at either end. obs-text is allowed.
[[nodiscard]] bool valid_field_value(std::string_view value) noexcept;
// Connection-level fields by RFC 9110 §7.6.1 and the framing fields. `name` in lower case.
[[nodiscard]] bool is_hop_by_hop(std::string_view name) noexcept;
// Without regard to ASCII case.
[[nodiscard]] bool same_text(std::string_view a, std::string_view b) noexcept;

}  // namespace longshore::http

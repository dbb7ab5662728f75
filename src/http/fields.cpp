#include "http/fields.hpp"

#include "http/characters.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace longshore::http {
namespace {

constexpr std::uint64_t k_ones = 0x0101010101010101;
constexpr std::uint64_t k_high = 0x8080808080808080;

std::uint64_t word_at(const char* bytes) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof(word));
    return word;
}

// High bits are set when any of eight bytes is below 0x20 or above 0x7e.
std::uint64_t unusual(std::uint64_t word) noexcept { return (word - k_ones * 0x20) | word | (word + k_ones); }

bool has_only_field_bytes(std::string_view value) noexcept {
    if (value.size() < 8) return all_are(value, k_field);
    std::uint64_t found = unusual(word_at(value.data() + value.size() - 8));
    for (std::size_t at = 0; at + 8 <= value.size(); at += 8) found |= unusual(word_at(value.data() + at));
    return (found & k_high) == 0 || all_are(value, k_field);
}

void lower_word(char* bytes) noexcept {
    const std::uint64_t word = word_at(bytes);
    const std::uint64_t low_bits = word & ~k_high;
    const std::uint64_t from_a = low_bits + k_ones * (0x80 - 'A');
    const std::uint64_t past_z = low_bits + k_ones * (0x7f - 'Z');
    const std::uint64_t upper = (from_a ^ past_z) & ~word & k_high;
    const std::uint64_t lower = word | (upper >> 2);
    std::memcpy(bytes, &lower, sizeof(lower));
}

void make_lower(char* bytes, std::size_t size) noexcept {
    if (size < 8) {
        std::array<char, 8> few{};
        std::memcpy(few.data(), bytes, size);
        lower_word(few.data());
        std::memcpy(bytes, few.data(), size);
        return;
    }
    for (std::size_t at = 0; at + 8 <= size; at += 8) lower_word(bytes + at);
    lower_word(bytes + size - 8);
}

bool is_blank(char byte) noexcept { return byte == ' ' || byte == '\t'; }

}  // namespace

void Fields::reserve(std::size_t fields, std::size_t bytes) {
    entries_.reserve(fields);
    text_.reserve(bytes);
}

void Fields::add(std::string_view name, std::string_view value) {
    const auto inside = [this](std::string_view text) {
        return !text.empty() && !std::less<>{}(text.data(), text_.data()) &&
               std::less<>{}(text.data(), text_.data() + text_.size());
    };
    if (inside(name) || inside(value)) return add(std::string(name), std::string(value));
    const auto at = static_cast<std::uint32_t>(text_.size());
    const auto end = at + name.size() + value.size();
    // libstdc++ 12 hands the new capacity to the function, not the size asked for.
    text_.resize_and_overwrite(end, [&](char* bytes, std::size_t) {
        std::copy(value.begin(), value.end(), std::copy(name.begin(), name.end(), bytes + at));
        make_lower(bytes + at, name.size());
        return end;
    });
    const auto name_size = static_cast<std::uint32_t>(name.size());
    entries_.push_back({at, name_size, at + name_size, static_cast<std::uint32_t>(value.size())});
}

void Fields::set(std::string_view name, std::string_view value) {
    const auto same = [&](const Entry& entry) {
        return same_text({text_.data() + entry.name_at, entry.name_size}, name);
    };
    const auto first = std::find_if(entries_.begin(), entries_.end(), same);
    if (first == entries_.end()) return add(name, value);
    Fields kept;
    kept.reserve(entries_.size(), text_.size() + value.size());
    const auto place = static_cast<std::size_t>(first - entries_.begin());
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const FieldView field = (*this)[i];
        if (i == place) {
            kept.add(name, value);
        } else if (i < place || !same(entries_[i])) {
            kept.add(field.name, field.value);
        }
    }
    *this = std::move(kept);
}

void Fields::remove(std::string_view name) {
    const auto same = [&](const Entry& entry) {
        return same_text({text_.data() + entry.name_at, entry.name_size}, name);
    };
    if (std::none_of(entries_.begin(), entries_.end(), same)) return;
    Fields kept;
    kept.reserve(entries_.size(), text_.size());
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const FieldView field = (*this)[i];
        if (!same(entries_[i])) kept.add(field.name, field.value);
    }
    *this = std::move(kept);
}

void Fields::clear() noexcept {
    text_.clear();
    entries_.clear();
}

std::optional<std::string_view> Fields::get(std::string_view name) const noexcept {
    for (const FieldView field : *this) {
        if (field.name == name) return field.value;
    }
    return std::nullopt;
}

std::string_view Fields::get_or(std::string_view name, std::string_view otherwise) const noexcept {
    return get(name).value_or(otherwise);
}

std::size_t Fields::count(std::string_view name) const noexcept {
    std::size_t found = 0;
    for (const FieldView field : *this) found += field.name == name ? 1 : 0;
    return found;
}

std::optional<std::string> Fields::joined(std::string_view name) const {
    std::optional<std::string> all;
    for (const FieldView field : *this) {
        if (field.name != name) continue;
        if (all) {
            all->append(", ").append(field.value);
        } else {
            all.emplace(field.value);
        }
    }
    return all;
}

bool Fields::has_token(std::string_view name, std::string_view token) const noexcept {
    for (const FieldView field : *this) {
        if (field.name != name) continue;
        for (std::string_view list = field.value; !list.empty();) {
            if (same_text(take_list_element(list), token)) return true;
        }
    }
    return false;
}

FieldView Fields::operator[](std::size_t index) const noexcept {
    const Entry& entry = entries_[index];
    const std::string_view text = text_;
    return {text.substr(entry.name_at, entry.name_size), text.substr(entry.value_at, entry.value_size)};
}

bool valid_field_name(std::string_view name) noexcept { return !name.empty() && all_are(name, k_token); }

bool valid_field_value(std::string_view value) noexcept {
    if (value.empty()) return true;
    return !is_blank(value.front()) && !is_blank(value.back()) && has_only_field_bytes(value);
}

bool is_hop_by_hop(std::string_view name) noexcept {
    switch (name.size()) {
        case 2:
            return name == "te";
        case 7:
            return name == "upgrade";
        case 10:
            return name == "connection" || name == "keep-alive";
        case 14:
            return name == "content-length" || name == "http2-settings";
        case 16:
            return name == "proxy-connection";
        case 17:
            return name == "transfer-encoding";
        default:
            return false;
    }
}

bool same_text(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return to_lower(x) == to_lower(y); });
}

}  // namespace longshore::http

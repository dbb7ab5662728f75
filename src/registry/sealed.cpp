#include "registry/sealed.hpp"

#include "base/digest.hpp"

namespace longshore::registry {
namespace {

constexpr std::string_view k_sum = "sum ";
constexpr std::size_t k_hex = 64;

std::string sum_line(std::string_view line) {
    const auto digest = Digest::sha256_of(std::as_bytes(std::span{line}));
    return std::string{k_sum}.append(digest.hex()).append("\n");
}

}  // namespace

std::string seal(std::string_view line) { return std::string{line}.append("\n").append(sum_line(line)); }

Result<Unsealed> unseal(std::string_view text) {
    const auto end = text.find('\n');
    constexpr auto k_sum_size = k_sum.size() + k_hex + 1;
    if (end == std::string_view::npos || text.size() - end - 1 < k_sum_size) {
        return Error{Errc::corrupt, "the checksum is missing"};
    }
    const auto line = text.substr(0, end);
    if (text.substr(end + 1, k_sum_size) != sum_line(line)) return Error{Errc::corrupt, "the checksum does not match"};
    return Unsealed{line, text.substr(end + 1 + k_sum_size)};
}

}  // namespace longshore::registry

#include "registry/blob_record.hpp"

#include "registry/sealed.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <optional>

namespace longshore::registry {
namespace {

namespace json = boost::json;

constexpr std::int64_t k_format = 1;
constexpr std::size_t k_longest_upstream = 63;  // bytes

Error corrupt(std::string_view why) { return {Errc::corrupt, "blob record: " + std::string{why}}; }

template <class Number>
bool read_number(const json::object& object, std::string_view key, Number& into) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr) return false;
    boost::system::error_code failure;
    into = value->to_number<Number>(failure);
    return !failure;
}

bool read_facts(const json::object& object, FileFacts& facts) {
    return read_number(object, "size", facts.size) && read_number(object, "inode", facts.inode) &&
           read_number(object, "mtime_ns", facts.modified_ns) && read_number(object, "ctime_ns", facts.changed_ns);
}

// ["docker","library/alpine"]
std::optional<Voucher> read_voucher(const json::value& value) {
    const auto* const pair = value.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string()) return std::nullopt;
    const std::string_view upstream = (*pair)[0].get_string();
    auto repository = RepositoryName::parse((*pair)[1].get_string());
    if (upstream.empty() || upstream.size() > k_longest_upstream || !repository) return std::nullopt;
    return Voucher{std::string{upstream}, std::move(*repository)};
}

bool read_vouchers(const json::object& object, std::vector<Voucher>& into) {
    const auto* const list = object.if_contains("vouchers");
    if (list == nullptr || !list->is_array() || list->get_array().size() > BlobRecord::k_most_vouchers) return false;
    for (const auto& value : list->get_array()) {
        auto voucher = read_voucher(value);
        if (!voucher) return false;
        into.push_back(std::move(*voucher));
    }
    return true;
}

}  // namespace

bool BlobRecord::vouched(std::string_view upstream, const RepositoryName& repository) const noexcept {
    return std::ranges::any_of(vouchers, [&](const Voucher& voucher) {
        return voucher.upstream == upstream && voucher.repository == repository;
    });
}

bool BlobRecord::add(const Voucher& voucher) {
    if (vouched(voucher.upstream, voucher.repository)) return false;
    if (vouchers.size() >= k_most_vouchers) vouchers.erase(vouchers.begin());
    vouchers.push_back(voucher);
    return true;
}

std::string BlobRecord::to_text() const {
    json::array list;
    for (const auto& voucher : vouchers) list.push_back({voucher.upstream, voucher.repository.text()});
    const json::object object{{"format", k_format},           {"size", facts.size},
                              {"inode", facts.inode},         {"mtime_ns", facts.modified_ns},
                              {"ctime_ns", facts.changed_ns}, {"vouchers", std::move(list)}};
    return seal(json::serialize(object));
}

Result<BlobRecord> BlobRecord::parse(std::string_view text) {
    const auto sealed = unseal(text);
    if (!sealed) return corrupt(sealed.error().where);
    if (!sealed->rest.empty()) return corrupt("more than one line");
    boost::system::error_code failure;
    const auto value = json::parse(sealed->line, failure);
    if (failure || !value.is_object()) return corrupt("not a JSON object");
    const auto& object = value.get_object();
    std::int64_t format = 0;
    if (!read_number(object, "format", format) || format != k_format) return corrupt("another format");
    BlobRecord record;
    if (!read_facts(object, record.facts)) return corrupt("facts are missing");
    if (!read_vouchers(object, record.vouchers)) return corrupt("vouchers cannot be read");
    return record;
}

}  // namespace longshore::registry

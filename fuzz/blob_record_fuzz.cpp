// A blob's record of any bytes, as found and with a checksum that fits: what is read is written back as the same.
#include "registry/blob_record.hpp"
#include "registry/sealed.hpp"

#include <cstdlib>

namespace {

using longshore::registry::BlobRecord;

void check(std::string_view text) {
    const auto record = BlobRecord::parse(text);
    if (!record) return;
    if (record->vouchers.size() > BlobRecord::k_most_vouchers) std::abort();
    const auto again = BlobRecord::parse(record->to_text());
    if (!again || again->facts != record->facts || again->vouchers != record->vouchers) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    check(text);
    check(longshore::registry::seal(text));
    return 0;
}

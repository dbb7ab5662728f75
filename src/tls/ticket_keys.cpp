#include "tls/ticket_keys.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>

namespace longshore::tls {
namespace {

bool fill(std::span<unsigned char> bytes) { return RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1; }

TicketKeys::Shared new_key(Deadline now) {
    auto key = std::make_shared<TicketKeys::Key>();
    key->made = now;
    return fill(key->name) && fill(key->cipher) && fill(key->mac) ? key : nullptr;
}

}  // namespace

TicketKeys::Key::~Key() {
    OPENSSL_cleanse(cipher.data(), cipher.size());
    OPENSSL_cleanse(mac.data(), mac.size());
}

void TicketKeys::rotate(Deadline now) {
    if (newest_ != nullptr && now < newest_->made + k_sealing_life) return;
    older_ = newest_;
    if (older_ != nullptr && now >= older_->made + 2 * k_sealing_life) older_ = nullptr;
    newest_ = new_key(now);
}

TicketKeys::Shared TicketKeys::sealing(Deadline now) {
    const std::lock_guard lock{mutex_};
    rotate(now);
    return newest_;
}

TicketKeys::Found TicketKeys::opening(std::span<const unsigned char, k_name_bytes> name, Deadline now) {
    const std::lock_guard lock{mutex_};
    rotate(now);
    for (const auto& key : {newest_, older_}) {
        if (key != nullptr && std::ranges::equal(key->name, name)) return {key, key == newest_};
    }
    return {};
}

}  // namespace longshore::tls

// The keys that session tickets are sealed with: one in use, and the one before it, which opens what it sealed.
//
// In memory only: tickets end with the process. A key seals for 12 hours and is gone after 24.
// Ownership: shared by every loop and by the contexts that follow each other at reloads; a key is wiped when the
//            last handshake lets go of it.
// Threads:   any.
// Source:    RFC 5077 section 5.5, RFC 8446 section 4.6.1.
#pragma once

#include "base/clock.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <span>

namespace longshore::tls {

class TicketKeys {
public:
    static constexpr std::chrono::hours k_sealing_life{12};
    static constexpr std::size_t k_name_bytes = 16;

    struct Key {
        std::array<unsigned char, k_name_bytes> name{};
        std::array<unsigned char, 32> cipher{};
        std::array<unsigned char, 32> mac{};
        Deadline made;

        Key() = default;
        Key(const Key&) = delete;
        Key& operator=(const Key&) = delete;
        ~Key();
    };
    using Shared = std::shared_ptr<const Key>;

    // The key to seal with; null when the machine gives no random bytes.
    [[nodiscard]] Shared sealing(Deadline now);
    // The key of this name, or null. `newest` is false for the older one: the client is to get a new ticket.
    struct Found {
        Shared key;
        bool newest = false;
    };
    [[nodiscard]] Found opening(std::span<const unsigned char, k_name_bytes> name, Deadline now);

private:
    void rotate(Deadline now);

    std::mutex mutex_;
    Shared newest_;
    Shared older_;
};

}  // namespace longshore::tls

// Making certificates: EC P-256 keys, an authority, leaves signed by it. For this room and its tests.
//
// Errors: Errc::io with OpenSSL's reason, from a library that cannot do what it always can.
#pragma once

#include "base/clock.hpp"
#include "tls/openssl.hpp"

#include <string>
#include <vector>

namespace longshore::tls {

struct Validity {
    WallTime from;
    WallTime until;
};

enum class Purpose : std::uint8_t { server, client };

[[nodiscard]] Result<KeyPtr> new_key();

// A self-signed authority that may sign leaves only.
[[nodiscard]] Result<X509Ptr> new_authority(EVP_PKEY& key, const std::string& common_name, Validity validity);

struct LeafPlan {
    std::vector<std::string> names;  // DNS names or IP literals
    Validity validity;
    Purpose purpose = Purpose::server;
};
[[nodiscard]] Result<X509Ptr> new_leaf(EVP_PKEY& leaf_key, X509& authority, EVP_PKEY& authority_key,
                                       const LeafPlan& plan);

}  // namespace longshore::tls

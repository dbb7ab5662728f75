// What identities and trust roots are for OpenSSL. For this room only.
#pragma once

#include "tls/identity.hpp"
#include "tls/openssl.hpp"
#include "tls/trust.hpp"

namespace longshore::tls {

struct Identity::Parsed {
    X509Ptr leaf;
    X509StackPtr issuers;
    KeyPtr key;
};

struct TrustRoots::Parsed {
    StorePtr store;
    std::vector<X509Ptr> certificates;
};

}  // namespace longshore::tls

// The joint's access log: one line of facts per exchange on standard error.
#pragma once

#include "http/exchange_log.hpp"

namespace longshore::joint {

class AccessLines final : public http::ExchangeLog {
public:
    // method target version status bytes-in bytes-out ending
    void ended(const http::Exchange& exchange) noexcept override;
};

}  // namespace longshore::joint

#include "tls/ticket_keys.hpp"

#include <gtest/gtest.h>

namespace longshore::tls {
namespace {

using std::chrono::hours;

const Deadline k_start{hours{1000}};

TEST(TicketKeys, SealWithOneKeyForItsLife) {
    TicketKeys keys;
    const auto first = keys.sealing(k_start);

    EXPECT_EQ(keys.sealing(k_start + hours{11}), first);
    EXPECT_NE(keys.sealing(k_start + hours{12}), first);
}

TEST(TicketKeys, StillOpenWhatTheOneBeforeSealed) {
    TicketKeys keys;
    const auto first = keys.sealing(k_start);
    const auto found = keys.opening(first->name, k_start + hours{13});

    EXPECT_EQ(found.key, first);
    EXPECT_FALSE(found.newest);
    EXPECT_TRUE(keys.opening(keys.sealing(k_start + hours{13})->name, k_start + hours{13}).newest);
}

TEST(TicketKeys, ForgetAKeyAfterTwoLives) {
    TicketKeys keys;
    const auto first = keys.sealing(k_start);
    (void)keys.sealing(k_start + hours{13});

    EXPECT_EQ(keys.opening(first->name, k_start + hours{26}).key, nullptr);
}

TEST(TicketKeys, ForgetAKeyThatNobodyAskedForInTwoLives) {
    TicketKeys keys;
    const auto first = keys.sealing(k_start);

    EXPECT_EQ(keys.opening(first->name, k_start + hours{24}).key, nullptr);
}

TEST(TicketKeys, KnowNoStrangers) {
    TicketKeys keys;
    TicketKeys others;

    EXPECT_EQ(keys.opening(others.sealing(k_start)->name, k_start).key, nullptr);
}

}  // namespace
}  // namespace longshore::tls

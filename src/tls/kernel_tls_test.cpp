#include "tls/kernel_tls.hpp"

#include "base/files.hpp"

#include <gtest/gtest.h>

namespace longshore::tls {
namespace {

TEST(KernelTls, IsThereExactlyWhenTheKernelListsIt) {
    const auto probed = probe_kernel_tls();  // may make the kernel load its module
    const auto listed = read_whole(system_files(), "/proc/sys/net/ipv4/tcp_available_ulp", 4096);
    if (!listed) GTEST_SKIP() << listed.error().where;

    EXPECT_EQ(probed.has_value(), (" " + *listed).contains(" tls"));
    if (!probed) {
        EXPECT_EQ(probed.error().code, Errc::unsupported) << probed.error().where;
    }
}

}  // namespace
}  // namespace longshore::tls

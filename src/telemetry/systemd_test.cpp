#include "telemetry/systemd.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

namespace longshore::telemetry {
namespace {

using namespace std::chrono_literals;

// systemd's end, under an abstract name or a path.
class Receiver {
public:
    explicit Receiver(std::string name) : name_(std::move(name)), descriptor_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::ranges::copy(name_, address.sun_path);
        if (name_.front() == '@') address.sun_path[0] = '\0';
        const auto size = offsetof(sockaddr_un, sun_path) + name_.size();
        EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)), 0);
    }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    ~Receiver() {
        ::close(descriptor_);
        if (name_.front() == '/') ::unlink(name_.c_str());
    }
    [[nodiscard]] const std::string& name() const { return name_; }
    // The next message, which must be there.
    std::string take() {
        std::string text(4096, '\0');
        const auto got = ::recv(descriptor_, text.data(), text.size(), MSG_DONTWAIT);
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    }

private:
    std::string name_;
    int descriptor_;
};

std::string abstract_name() {
    static int serial = 0;
    return "@longshore-test-" + std::to_string(::getpid()) + "-" + std::to_string(++serial);
}

TEST(ServiceManager, TellsEachStateInSystemdsWords) {
    Receiver systemd{abstract_name()};
    ServiceManager manager{{systemd.name(), std::nullopt}};

    EXPECT_TRUE(manager.ready("serving 127.0.0.1:5000"));
    EXPECT_EQ(systemd.take(), "READY=1\nSTATUS=serving 127.0.0.1:5000");
    EXPECT_TRUE(manager.reloading(Deadline{1234567us}));
    EXPECT_EQ(systemd.take(), "RELOADING=1\nMONOTONIC_USEC=1234567");
    EXPECT_TRUE(manager.status("2 pulls"));
    EXPECT_EQ(systemd.take(), "STATUS=2 pulls");
    EXPECT_TRUE(manager.alive());
    EXPECT_EQ(systemd.take(), "WATCHDOG=1");
    EXPECT_TRUE(manager.stopping("draining"));
    EXPECT_EQ(systemd.take(), "STOPPING=1\nSTATUS=draining");
}

TEST(ServiceManager, SpeaksToASocketInTheFileSystem) {
    Receiver systemd{::testing::TempDir() + "longshore-notify-" + std::to_string(::getpid())};
    ServiceManager manager{{systemd.name(), std::nullopt}};

    EXPECT_TRUE(manager.alive());

    EXPECT_EQ(systemd.take(), "WATCHDOG=1");
}

TEST(ServiceManager, AStatusCannotSmuggleInAnotherVariable) {
    Receiver systemd{abstract_name()};
    ServiceManager manager{{systemd.name(), std::nullopt}};

    EXPECT_TRUE(manager.status("fine\nSTOPPING=1"));

    EXPECT_EQ(systemd.take(), "STATUS=fine STOPPING=1");
}

TEST(ServiceManager, DoesNothingWhenNobodyAsked) {
    ServiceManager manager{{}};

    EXPECT_TRUE(manager.ready("up"));
    EXPECT_EQ(manager.alive_every(), std::nullopt);
}

TEST(ServiceManager, FailsWhenTheReceiverIsGoneOrItsAddressIsNoAddress) {
    const auto told = [](std::string path) {
        return ServiceManager{{std::move(path), std::nullopt}}.alive().error().code;
    };

    EXPECT_EQ(told(abstract_name()), Errc::peer_closed);
    EXPECT_EQ(told("/nonexistent/notify"), Errc::not_found);
    EXPECT_EQ(told("relative"), Errc::invalid);
    EXPECT_EQ(told("@"), Errc::invalid);
    EXPECT_EQ(told("/" + std::string(200, 'x')), Errc::invalid);
    EXPECT_EQ(told("vsock:2:1234"), Errc::unsupported);
}

TEST(ServiceManager, GivesUpOnAReceiverThatDoesNotRead) {
    const Receiver systemd{abstract_name()};
    ServiceManager manager{{systemd.name(), std::nullopt}};

    auto told = manager.alive();
    for (int i = 0; told && i < 10'000; ++i) told = manager.alive();

    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::overloaded);
}

TEST(ServiceManager, TakesItsAddressFromTheEnvironmentAndLeavesNothingForChildren) {
    Receiver systemd{abstract_name()};
    ::setenv("NOTIFY_SOCKET", systemd.name().c_str(), 1);
    ::setenv("WATCHDOG_USEC", "10000000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);

    auto manager = ServiceManager::from_environment();

    EXPECT_EQ(manager.alive_every(), 5s);
    EXPECT_TRUE(manager.alive());
    EXPECT_EQ(systemd.take(), "WATCHDOG=1");
    for (const auto* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) EXPECT_EQ(std::getenv(name), nullptr);
}

TEST(ServiceManager, IgnoresAWatchdogMeantForAnotherProcessOrWithoutSense) {
    const auto interval = [](const char* usec, const char* pid) {
        ::setenv("NOTIFY_SOCKET", "/run/notify", 1);
        ::setenv("WATCHDOG_USEC", usec, 1);
        ::setenv("WATCHDOG_PID", pid, 1);
        return ServiceManager::from_environment().alive_every();
    };
    const auto mine = std::to_string(::getpid());

    EXPECT_EQ(interval("10000000", "1"), std::nullopt);
    EXPECT_EQ(interval("0", mine.c_str()), std::nullopt);
    EXPECT_EQ(interval("soon", mine.c_str()), std::nullopt);
}

class Activation {
public:
    Activation(const char* count, const std::string& pid, const char* names) {
        ::setenv("LISTEN_FDS", count, 1);
        ::setenv("LISTEN_PID", pid.c_str(), 1);
        ::setenv("LISTEN_FDNAMES", names, 1);
    }
};

TEST(ActivationSockets, AreNamedInOrder) {
    const Activation environment{"3", std::to_string(::getpid()), "http::admin"};

    const auto sockets = activation_sockets();

    ASSERT_TRUE(sockets && sockets->size() == 3);
    EXPECT_EQ((*sockets)[0].descriptor, 3);
    EXPECT_EQ((*sockets)[0].name, "http");
    EXPECT_EQ((*sockets)[1].name, "unknown");
    EXPECT_EQ((*sockets)[2].descriptor, 5);
    EXPECT_EQ((*sockets)[2].name, "admin");
    EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr) << "children take none";
}

TEST(ActivationSockets, OfAnotherProcessAreNotOurs) {
    const Activation environment{"1", "1", "http"};

    EXPECT_TRUE(activation_sockets()->empty());
}

TEST(ActivationSockets, RefuseACountThatCannotBe) {
    const Activation environment{"99999999999", std::to_string(::getpid()), ""};

    EXPECT_FALSE(activation_sockets());
}

}  // namespace
}  // namespace longshore::telemetry

#include "tls/handshakes.hpp"

#include "net/listener.hpp"
#include "tls/metrics.hpp"
#include "tls/testing/pair.hpp"
#include "tls/testing/test_ca.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

namespace longshore::tls {
namespace {

using namespace std::chrono_literals;
using testing::TestCa;
using Places = std::vector<std::unique_ptr<Handshakes::Place>>;

// The value of each series with its labels: `longshore_tls_handshakes_total ok`.
class Values final : public MetricWriter {
public:
    explicit Values(const Measured& measured) { measured.measure(*this); }
    double operator[](const std::string& name) const { return values_.contains(name) ? values_.at(name) : -1; }

private:
    void add(const Series& series, Labels labels, double value) {
        std::string name{series.name};
        for (const auto& label : labels) name.append(" ").append(label.value);
        values_[name] = value;
    }
    void counter(const Series& series, Labels labels, double value) override { add(series, labels, value); }
    void gauge(const Series& series, Labels labels, double value) override { add(series, labels, value); }
    void histogram(const Series& series, Labels labels, const HistogramReading& reading) override {
        double all = 0;
        for (const auto count : reading.counts) all += static_cast<double>(count);
        add(series, labels, all);
    }

    std::map<std::string, double> values_;
};

double shed(const Handshakes& handshakes, const std::string& reason) {
    return Values{handshakes}[std::string{k_shed.name} + " " + reason];
}
double ended(const Handshakes& handshakes, const std::string& outcome) {
    return Values{handshakes}[std::string{k_handshakes.name} + " " + outcome];
}

bool all_taken(const Places& places) {
    return std::ranges::all_of(places, [](const auto& place) { return place != nullptr; });
}

// Clients at addresses of their own, which say nothing.
class Crowd {
public:
    Crowd() : listener_(net::Listener::open(net::Loop::current(), {"127.0.0.1", 0, {}}).value()) {}
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;
    ~Crowd() {
        for (const int client : clients_) ::close(client);
    }

    [[nodiscard]] Task<net::TcpStream*> from(const char* address) {
        clients_.push_back(dial(address));
        auto stream = co_await listener_->accept();
        co_return served_.emplace_back(std::move(*stream)).get();
    }

private:
    int dial(const char* address) const {
        const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in own{};
        own.sin_family = AF_INET;
        ::inet_pton(AF_INET, address, &own.sin_addr);
        EXPECT_EQ(::bind(client, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
        own.sin_port = htons(listener_->address().port);
        own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
        return client;
    }

    std::unique_ptr<net::Listener> listener_;
    std::vector<int> clients_;
    std::vector<std::unique_ptr<net::TcpStream>> served_;
};

class HandshakeLimit : public ::testing::Test {
protected:
    using Script = Task<bool> (*)(Crowd& crowd, Handshakes& handshakes);
    void run(Script script, HandshakeLimits limits) {
        Handshakes handshakes{limits};
        loop_.run(play(script, handshakes));
    }

private:
    static Task<bool> play(Script script, Handshakes& handshakes) {
        Crowd crowd;
        co_return co_await script(crowd, handshakes);
    }
    testing::OneLoop loop_;
};

const Deadline k_start{std::chrono::hours{1000}};

Task<bool> fill_all_places(Crowd& crowd, Handshakes& handshakes) {
    Places places;
    places.push_back(handshakes.admit(*co_await crowd.from("127.0.0.1"), k_start));
    places.push_back(handshakes.admit(*co_await crowd.from("127.0.0.1"), k_start));
    places.push_back(handshakes.admit(*co_await crowd.from("127.0.0.2"), k_start));
    places.push_back(handshakes.admit(*co_await crowd.from("127.0.0.2"), k_start));
    EXPECT_EQ(handshakes.admit(*co_await crowd.from("127.0.0.3"), k_start + 999ms), nullptr);
    places.pop_back();
    EXPECT_NE(handshakes.admit(*co_await crowd.from("127.0.0.3"), k_start + 999ms), nullptr);

    EXPECT_TRUE(all_taken(places));
    EXPECT_EQ(shed(handshakes, "places"), 1);
    EXPECT_EQ(Values{handshakes}[std::string{k_under_way.name}], 3);
    co_return true;
}

TEST_F(HandshakeLimit, ShedsWhatFindsNoPlace) { run(fill_all_places, {.at_once = 4}); }

Task<bool> take_half(Crowd& crowd, Handshakes& handshakes) {
    Places places;
    for (int i = 0; i < 3; ++i) places.push_back(handshakes.admit(*co_await crowd.from("127.0.0.1"), k_start));
    places.push_back(handshakes.admit(*co_await crowd.from("127.0.0.2"), k_start));

    EXPECT_NE(places[1], nullptr);
    EXPECT_EQ(places[2], nullptr);
    EXPECT_NE(places[3], nullptr);
    EXPECT_EQ(shed(handshakes, "address"), 1);
    co_return true;
}

TEST_F(HandshakeLimit, LeavesHalfOfThePlacesToOtherAddresses) { run(take_half, {.at_once = 4}); }

Task<bool> outstay(Crowd& crowd, Handshakes& handshakes) {
    auto* const oldest = co_await crowd.from("127.0.0.1");
    Places places;
    places.push_back(handshakes.admit(*oldest, k_start));
    places.push_back(handshakes.admit(*co_await crowd.from("127.0.0.2"), k_start + 500ms));
    places.push_back(handshakes.admit(*co_await crowd.from("127.0.0.3"), k_start + 1s));
    const auto read = co_await oldest->read(1, Deadline::max());

    EXPECT_NE(places.back(), nullptr);
    EXPECT_EQ(shed(handshakes, "oldest"), 1);
    EXPECT_EQ(read.error().code, Errc::overloaded);
    places.front()->fail(Errc::overloaded);
    EXPECT_EQ(ended(handshakes, "failed"), 0);
    EXPECT_EQ(handshakes.admit(*co_await crowd.from("127.0.0.4"), k_start + 1s), nullptr);
    co_return true;
}

TEST_F(HandshakeLimit, GivesTheOldestPlaceToANewConnectionAfterASecond) { run(outstay, {.at_once = 2}); }

Task<bool> begin_many(Crowd& crowd, Handshakes& handshakes) {
    Places places;
    const auto begin = [&](net::TcpStream* stream, Deadline now) {
        auto& place = places.emplace_back(handshakes.admit(*stream, now));
        if (place != nullptr) place->begin(now);
        return place != nullptr;
    };
    EXPECT_TRUE(begin(co_await crowd.from("127.0.0.1"), k_start));
    EXPECT_TRUE(begin(co_await crowd.from("127.0.0.1"), k_start));
    EXPECT_FALSE(begin(co_await crowd.from("127.0.0.1"), k_start));
    EXPECT_TRUE(begin(co_await crowd.from("127.0.0.2"), k_start));
    EXPECT_TRUE(begin(co_await crowd.from("127.0.0.2"), k_start));
    EXPECT_FALSE(begin(co_await crowd.from("127.0.0.3"), k_start + 249ms));
    EXPECT_TRUE(begin(co_await crowd.from("127.0.0.3"), k_start + 260ms));
    EXPECT_EQ(shed(handshakes, "address"), 1);
    EXPECT_EQ(shed(handshakes, "rate"), 1);
    co_return true;
}

TEST_F(HandshakeLimit, ShedsWhatBeginsTooOften) { run(begin_many, {.at_once = 100, .per_second = 4}); }

Task<bool> say_nothing(Crowd& crowd, Handshakes& handshakes) {
    Places places;
    for (int i = 0; i < 20; ++i) places.push_back(handshakes.admit(*co_await crowd.from("127.0.0.1"), k_start));

    EXPECT_TRUE(all_taken(places));
    co_return true;
}

TEST_F(HandshakeLimit, ChargesNoRateForSilence) { run(say_nothing, {.at_once = 100, .per_second = 1}); }

TEST_F(HandshakeLimit, OfZeroPerSecondIsNone) {
    run(
        [](Crowd& crowd, Handshakes& handshakes) -> Task<bool> {
            for (int i = 0; i < 20; ++i) {
                const auto place = handshakes.admit(*co_await crowd.from("127.0.0.1"), k_start);
                EXPECT_NE(place, nullptr);
                if (place != nullptr) place->begin(k_start);
            }
            co_return true;
        },
        {.at_once = 100, .per_second = 0});
}

class AcceptWithinLimits : public ::testing::Test {
protected:
    static Task<bool> shake(const ServerContext& server, const ClientContext* client, Handshakes& handshakes,
                            std::string said) {
        auto ends = co_await testing::connected();
        const auto now = net::Loop::current().now();
        auto place = handshakes.admit(*ends.server, now);
        net::Scope scope;
        std::optional<Result<std::unique_ptr<TlsStream>>> accepted;
        scope.start(serve(std::move(ends.server), server, std::move(place), accepted));
        if (!said.empty()) {
            auto bytes = net::Chunk::of(std::move(said));
            (void)co_await ends.client->write(std::move(bytes), Deadline::max());
        }
        if (client != nullptr) {
            const auto connected = co_await connect(std::move(ends.client), *client, "a.example", {}, now + 10s);
            EXPECT_TRUE(connected);
        }
        co_await scope.join();
        co_return accepted->has_value();
    }
    static Task<> serve(std::unique_ptr<net::TcpStream> transport, const ServerContext& context,
                        std::unique_ptr<Handshakes::Place> place,
                        std::optional<Result<std::unique_ptr<TlsStream>>>& into) {
        into = co_await accept(std::move(transport), context, std::move(place));
    }

    DiskPool disk_{1};
    testing::OneLoop loop_;
    TestCa ca_;
    std::unique_ptr<ServerContext> server_ = ca_.server_context({"a.example"}, disk_);
    std::unique_ptr<ClientContext> client_ = ca_.client_context(disk_);
};

TEST_F(AcceptWithinLimits, CountsAGoodHandshake) {
    Handshakes handshakes;

    EXPECT_TRUE(loop_.run(shake(*server_, client_.get(), handshakes, {})));
    EXPECT_EQ(ended(handshakes, "ok"), 1);
    EXPECT_EQ(Values{handshakes}[std::string{k_connections.name} + " 1.3 no"], 1);
    EXPECT_EQ(Values{handshakes}[std::string{k_handshake_duration.name}], 1);
    EXPECT_EQ(Values{handshakes}[std::string{k_under_way.name}], 0);
}

TEST_F(AcceptWithinLimits, EndsAtTheTimeoutOfTheLimits) {
    Handshakes handshakes{{.timeout = 30ms}};

    EXPECT_FALSE(loop_.run(shake(*server_, nullptr, handshakes, {})));
    EXPECT_FALSE(loop_.run(shake(*server_, nullptr, handshakes, "\x16")));
    EXPECT_EQ(ended(handshakes, "timed_out"), 2);
}

TEST_F(AcceptWithinLimits, CountsNoise) {
    Handshakes handshakes;

    EXPECT_FALSE(loop_.run(shake(*server_, nullptr, handshakes, std::string(64, '\x17'))));
    EXPECT_EQ(ended(handshakes, "failed"), 1);
}

}  // namespace
}  // namespace longshore::tls

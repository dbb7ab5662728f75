// Whatever a peer sends to an HTTP/2 server session. The first byte chooses how the input is cut into reads.
#include "base/disk_pool.hpp"
#include "http/h2/session.hpp"
#include "net/loop.hpp"
#include "net/scope.hpp"
#include "net/testing/scripted_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace longshore {
namespace {

class ReadsAndEchoes final : public http::Handler {
public:
    [[nodiscard]] Task<http::Response> handle(http::Request request) override {
        if (request.method == "GET") co_return http::Response::text(200, request.target.path_and_query());
        http::Response response;
        response.body = std::move(request.body);
        response.body.length.reset();
        co_return response;
    }
};

struct World {
    SystemClock clock;
    net::Loop loop{clock};
    DiskPool disk{1};
    ReadsAndEchoes handler;
    http::Load load{{}};
    http::SessionOptions options;
    std::shared_ptr<const http::Connection> connection = std::make_shared<http::Connection>();
};

Task<> speak(World& world, std::string input, std::size_t piece) {
    auto stream = std::make_unique<net::testing::ScriptedStream>(std::move(input), piece);
    http::ServerEnd end{&world.handler, &world.load, nullptr, &world.options, world.connection, nullptr, {}};
    const auto session = http::h2::Session::server(std::move(stream), {}, std::move(end), world.disk);
    co_await session->run();
}

}  // namespace
}  // namespace longshore

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace longshore;
    if (size == 0) return 0;
    constexpr std::size_t k_pieces[] = {1, 7, 64, 16 * 1024};
    static auto* const world = new World;
    net::Scope scope;
    const std::string input{reinterpret_cast<const char*>(data) + 1, size - 1};
    boost::asio::post(world->loop.context(),
                      [&] { scope.start(speak(*world, input, k_pieces[data[0] % std::size(k_pieces)])); });
    while (world->loop.poll() != 0) {
    }
    // A session whose peer has ended does not stay.
    if (scope.size() != 0) std::abort();
    return 0;
}

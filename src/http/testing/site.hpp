// A server and a client pool on one loop, joined over loopback, with a handler that shows every kind of answer.
#pragma once

#include "http/client_pool.hpp"
#include "http/server.hpp"
#include "net/testing/run.hpp"

#include <deque>
#include <string>

namespace longshore::http::testing {

inline net::Chunk chunk_of(std::size_t size) { return net::Chunk::of(std::string(size, 'x')); }

// Gives `pieces` of `size` bytes, then trailers or a failure. Counts what was pulled.
class Pieces final : public BodySource {
public:
    Pieces(std::size_t size, std::size_t pieces, std::optional<Errc> fails = {}, std::size_t* pulled = nullptr)
        : size_(size), left_(pieces), fails_(fails), pulled_(pulled) {}
    [[nodiscard]] Task<Result<BodyEvent>> next(std::size_t) override {
        if (left_ == 0 && fails_) co_return Error{*fails_, "a source that fails"};
        if (left_ == 0) {
            Trailers end;
            end.fields.add("x-sum", "done");
            co_return end;
        }
        --left_;
        if (pulled_ != nullptr) *pulled_ += size_;
        co_return chunk_of(size_);
    }
    void cancel(Errc) noexcept override {}

private:
    std::size_t size_;
    std::size_t left_;
    std::optional<Errc> fails_;
    std::size_t* pulled_;
};

// Says back what it is told.
class Echo final : public net::ByteStream {
public:
    [[nodiscard]] Task<Result<net::Chunk>> read(std::size_t, Deadline deadline) override {
        while (chunks_.empty() && !ended_ && !aborted_) {
            auto waited = co_await changed_.wait(deadline);
            if (!waited) co_return waited.error();
        }
        if (aborted_) co_return Error{Errc::cancelled, "echo"};
        if (chunks_.empty()) co_return net::Chunk{};
        auto chunk = std::move(chunks_.front());
        chunks_.pop_front();
        co_return chunk;
    }
    [[nodiscard]] Task<Result<>> write(net::Chunk chunk, Deadline) override {
        chunks_.push_back(std::move(chunk));
        changed_.notify();
        co_return Result<>{};
    }
    [[nodiscard]] Task<Result<>> write_file(net::FileRange, Deadline) override {
        co_return Error{Errc::unsupported, "echo"};
    }
    [[nodiscard]] Task<Result<>> finish(Deadline) override {
        ended_ = true;
        changed_.notify();
        co_return Result<>{};
    }
    [[nodiscard]] bool half_closes() const noexcept override { return true; }
    void abort(Errc) noexcept override {
        aborted_ = true;
        changed_.notify();
    }
    void set_pace(net::Pace) noexcept override {}

private:
    std::deque<net::Chunk> chunks_;
    bool ended_ = false;
    bool aborted_ = false;
    net::Event changed_;
};

class Answers final : public Handler {
public:
    [[nodiscard]] Task<Response> handle(Request request) override {
        ++asked;
        const auto path = request.target.path;
        if (path == "/slow" || path == "/slow-upgrade") {
            const auto woken = co_await net::sleep(after(net::Loop::current().now(), std::chrono::milliseconds{250}));
            if (woken.code == Errc::cancelled) ++cancelled;
        }
        if (request.upgrade != Upgrade::none) {
            Response accepted;
            accepted.stream = std::make_unique<Echo>();
            co_return accepted;
        }
        if (path == "/wait") {
            const auto waited = co_await net::sleep(after(net::Loop::current().now(), std::chrono::seconds{20}));
            if (waited.code == Errc::cancelled) ++cancelled;
            changed.notify();
        }
        if (path == "/read") co_return co_await read_it(std::move(request));
        co_return answer(path, std::move(request));
    }

    std::size_t asked = 0;
    std::size_t cancelled = 0;
    std::size_t pulled = 0;  // bytes of /endless
    net::Event changed;

private:
    static Task<Response> read_it(Request request) {
        auto body = co_await read_whole(request.body, 1 << 20);
        if (!body) co_return Response::text(502, "the body failed");
        co_return Response::text(200, *body);
    }
    static Response with(std::unique_ptr<BodySource> source, std::optional<std::uint64_t> length) {
        Response response;
        response.body = Body::of(std::move(source), length);
        return response;
    }
    Response answer(std::string_view path, Request request) {
        if (path == "/204") return {.status = 204};
        if (path == "/304") return {.status = 304};
        if (path == "/short") return with(std::make_unique<Pieces>(10, 2), 30);
        if (path == "/long") return with(std::make_unique<Pieces>(10, 4), 30);
        if (path == "/fails") return with(std::make_unique<Pieces>(10, 2, Errc::io), {});
        if (path == "/pieces") return with(std::make_unique<Pieces>(10, 3), {});
        if (path == "/endless") return with(std::make_unique<Pieces>(65536, 4096, Errc::io, &pulled), {});
        if (path == "/echo") return with(std::make_unique<Whole>(std::move(request)), {});
        if (path == "/early" && request.interim) {
            Fields fields;
            fields.add("link", "</style.css>");
            request.interim(103, fields);
        }
        return Response::text(200, "hello");
    }
    // The request's body, as it comes.
    class Whole final : public BodySource {
    public:
        explicit Whole(Request request) : request_(std::move(request)) {}
        [[nodiscard]] Task<Result<BodyEvent>> next(std::size_t at_most) override {
            auto event = co_await request_.body.next(at_most);
            co_return event;
        }
        void cancel(Errc) noexcept override {}

    private:
        Request request_;
    };
};

struct Site {
    Site() { options.header_timeout = options.idle_timeout = std::chrono::seconds{20}; }

    void open(bool http2) {
        auto listener = net::Listener::open(net::Loop::current(), *net::ListenAddress::parse("127.0.0.1:0"));
        port = (*listener)->address().port;
        server.listen(std::move(*listener));
        target = *Target::from_url("http://127.0.0.1:" + std::to_string(port) + "/");
        pool.set(pool_options);
        pool.configure(target, {.prior_knowledge = http2});
    }
    [[nodiscard]] Request request(std::string method, std::string_view path, Body body = Body::none()) const {
        Request made;
        made.method = std::move(method);
        made.target = target;
        made.target.path = path;
        made.body = std::move(body);
        return made;
    }
    [[nodiscard]] Task<std::unique_ptr<net::TcpStream>> dial() {
        auto stream = co_await net::dial(resolver, "127.0.0.1", port, Deadline::max());
        co_return std::move(*stream);
    }

    DiskPool disk{1};
    net::Resolver resolver;
    SessionOptions options;
    PoolOptions pool_options;
    Answers answers;
    Load load{{}};
    Metrics metrics;
    Server server{net::Loop::current(), {answers, load, nullptr, options, disk, &metrics}};
    ClientPool pool{{resolver, disk, nullptr}, pool_options};
    std::uint16_t port = 0;
    Target target;
};

using Script = Task<> (*)(Site&);

inline Task<bool> serve(Script script, bool http2) {
    Site site;
    site.open(http2);
    co_await script(site);
    co_await site.pool.close();
    site.server.cancel();
    co_await site.server.join();
    co_return true;
}

// What a raw HTTP/1 client gets for `request`, until the server closes.
inline Task<std::string> raw(Site& site, std::string request) {
    auto stream = co_await site.dial();
    auto chunk = net::Chunk::of(std::move(request));
    (void)co_await stream->write(std::move(chunk), Deadline::max());
    std::string got;
    const auto deadline = after(net::Loop::current().now(), std::chrono::seconds{3});
    for (;;) {
        auto piece = co_await stream->read(65536, deadline);
        if (!piece) got += "<" + to_string(piece.error()) + ">";
        if (!piece || piece->empty()) co_return got;
        got += piece->text();
    }
}

}  // namespace longshore::http::testing

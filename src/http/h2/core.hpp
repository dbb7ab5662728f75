// The inside of an HTTP/2 session: nghttp2, one reader, one writer, the streams.
//
// Callbacks of nghttp2 only record; work starts after nghttp2 has returned. The writer gathers frames and writes
// them at once.
#pragma once

#include "base/disk_pool.hpp"
#include "http/h2/budget.hpp"
#include "http/h2/frame_heads.hpp"
#include "http/h2/session.hpp"
#include "http/h2/stream.hpp"
#include "http/relay.hpp"
#include "net/loop.hpp"

#include <nghttp2/nghttp2.h>

#include <memory>
#include <unordered_map>
#include <vector>

namespace longshore::http::h2 {

// The view must outlive the submit call.
[[nodiscard]] nghttp2_nv field_of(std::string_view name, std::string_view value);

enum class Role : std::uint8_t { client, server };

class Core : public std::enable_shared_from_this<Core> {
public:
    Core(Role role, std::unique_ptr<net::ByteStream> stream, net::Chunk already_read, const SessionOptions& options,
         DiskPool& disk);
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;
    virtual ~Core();

    [[nodiscard]] Task<> run();
    virtual void drain(std::chrono::nanoseconds quiet) noexcept = 0;
    virtual std::size_t farewell() noexcept { return 0; }
    [[nodiscard]] std::optional<Deadline> idle_since() const noexcept { return idle_since_; }
    void close_idle() noexcept {
        if (idle_since_) begin_goodbye(NGHTTP2_NO_ERROR);
    }

    // For streams.
    void consumed(Stream& stream, std::size_t bytes);
    void resume(Stream& stream);
    void reset(Stream& stream, std::uint32_t code);
    void wake_writer() noexcept { writable_.notify(); }
    // Before the first byte of a request body is pulled.
    virtual void body_wanted(Stream&) {}
    virtual void count(Cut) noexcept {}
    [[nodiscard]] const SessionOptions& options() const noexcept { return options_; }
    [[nodiscard]] Deadline now() const noexcept { return loop_.now(); }
    [[nodiscard]] bool is_server() const noexcept { return role_ == Role::server; }
    [[nodiscard]] std::size_t open_streams() const noexcept { return streams_.size(); }

protected:
    friend struct Callbacks;

    // A complete header block that is not trailers.
    virtual void head(Stream& stream) = 0;
    virtual void closed(Stream& stream) = 0;
    // A GOAWAY was put into the next write.
    virtual void told() {}
    // Our PING came back.
    virtual void pinged() {}
    // After input was processed, outside of nghttp2.
    virtual void settle() {}

    [[nodiscard]] Stream* find(std::int32_t id) noexcept;
    Stream& add(std::int32_t id, std::shared_ptr<Stream> stream);
    void close_stream(std::int32_t id, std::uint32_t code);
    // Gives a body to nghttp2's data provider; the rest of a source is pumped by the caller.
    void set_body(Stream& stream, Body& body);
    [[nodiscard]] nghttp2_data_provider provider(Stream& stream) const;
    void begin_goodbye(std::uint32_t code);

    net::Loop& loop_;
    nghttp2_session* session_ = nullptr;
    net::Scope scope_;
    bool draining_ = false;
    bool ended_ = false;
    bool clean_ = true;  // no fault of the peer ended it

private:
    class IdleTimer;
    class HeadTimer;
    class StallTimer;
    class LastTimer;
    struct Skip {
        std::int32_t after;
        std::int32_t before;
    };
    [[nodiscard]] static Task<> read_all(Core& self);
    [[nodiscard]] static Task<> write_all(Core& self);
    [[nodiscard]] static Task<> read_file(std::shared_ptr<Core> self, std::shared_ptr<Stream> stream);
    [[nodiscard]] bool feed(net::Chunk chunk);
    [[nodiscard]] net::Chunk gather();
    [[nodiscard]] std::span<const std::byte> next_frame();
    void make_session();
    void announce();
    void watch_idle();
    [[nodiscard]] bool head_pending() noexcept;
    void watch_head();
    void watch_stalls();
    void cut_stalled();
    [[nodiscard]] std::uint64_t least_progress() const noexcept;
    void check_order(std::int32_t id);
    [[nodiscard]] int trip(Cut why) noexcept;
    int frame_begins(const nghttp2_frame_hd& head);
    [[nodiscard]] bool affordable(std::span<const std::byte> bytes);
    [[nodiscard]] std::optional<Cut> limit_broken_by(const FrameHead& head);
    [[nodiscard]] std::optional<Cut> data_broken_by(const FrameHead& head);
    [[nodiscard]] std::optional<Cut> block_too_large() const noexcept;
    int frame_sent(const nghttp2_frame& frame);

    int begin_headers(std::int32_t id);
    int header(std::int32_t id, std::string_view name, std::string_view value);
    int frame_received(const nghttp2_frame& frame);
    int data(std::int32_t id, const std::uint8_t* bytes, std::size_t size);
    ssize_t produce(Stream& stream, std::uint8_t* into, std::size_t room, std::uint32_t* flags);

    Role role_;
    std::unique_ptr<net::ByteStream> stream_;
    net::Chunk input_;                          // being parsed
    std::span<const std::byte> waiting_frame_;  // of nghttp2, did not go into the last write
    const SessionOptions& options_;
    DiskPool& disk_;
    std::unordered_map<std::int32_t, std::shared_ptr<Stream>> streams_;
    net::Event writable_;
    Budgets budgets_;
    FrameHeads frame_heads_;
    std::unique_ptr<IdleTimer> idle_;
    std::optional<Deadline> idle_since_;
    std::unique_ptr<HeadTimer> head_timer_;
    std::unique_ptr<StallTimer> stall_timer_;
    std::unique_ptr<LastTimer> last_timer_;
    std::int32_t open_head_ = 0;   // stream whose header block has begun and not ended
    std::size_t block_bytes_ = 0;  // of the header block that came last, as sent
    std::size_t held_ = 0;         // bytes of bodies that came and were not pulled, all streams
    std::int32_t highest_ = -1;    // stream the client has opened
    std::vector<Skip> skipped_;    // the latest ranges of streams it left out
};

class ServerCore final : public Core {
public:
    ServerCore(std::unique_ptr<net::ByteStream> stream, net::Chunk already_read, ServerEnd end, DiskPool& disk);
    ~ServerCore() override;
    void drain(std::chrono::nanoseconds quiet) noexcept override;
    std::size_t farewell() noexcept override;
    void body_wanted(Stream& stream) override;

private:
    void head(Stream& stream) override;
    void closed(Stream& stream) override;
    void told() override;
    void pinged() override { leave(); }
    void settle() override;
    void count(Cut why) noexcept override;
    void leave() noexcept;
    [[nodiscard]] static Task<> serve(std::shared_ptr<ServerCore> self, std::shared_ptr<Stream> stream,
                                      Request request);
    [[nodiscard]] Result<Request> request_from(Stream& stream);
    void answer(const std::shared_ptr<Stream>& stream, Response& response);
    void submit(Stream& stream, const Response& response, bool with_body);
    void submit_interim(Stream& stream, Status status, const Fields& fields);

    class LeaveTimer;

    ServerEnd end_;
    std::vector<std::shared_ptr<Stream>> ready_;  // heads that arrived with the last input
    std::vector<Relay*> relays_;
    std::unique_ptr<LeaveTimer> leave_timer_;  // while we wait for the client to hear that we go
    bool leaving_ = false;                     // the last stream that we answer was named
};

class ClientCore final : public Core {
public:
    ClientCore(std::unique_ptr<net::ByteStream> stream, const SessionOptions& options, DiskPool& disk);
    void drain(std::chrono::nanoseconds quiet) noexcept override;
    [[nodiscard]] Task<Sent> send(Request& request);
    [[nodiscard]] bool accepts() const noexcept;

private:
    void head(Stream& stream) override;
    void closed(Stream& stream) override;
    [[nodiscard]] Result<std::int32_t> submit(const Request& request, Stream& stream);
    [[nodiscard]] Response respond(const Request& request, const std::shared_ptr<Stream>& stream);
};

}  // namespace longshore::http::h2

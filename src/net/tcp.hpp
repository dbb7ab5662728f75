// A connected stream socket, TCP or Unix, as a ByteStream.
//
// Threads: as ByteStream. `wait_readable` and `wait_writable` are for a layer that reads and writes the
// descriptor itself (TLS); do not mix them with `read` and `write`.
#pragma once

#include "net/loop.hpp"
#include "net/rate_floor.hpp"
#include "net/stream.hpp"
#include "net/timer.hpp"

#include <boost/asio/generic/stream_protocol.hpp>

#include <optional>
#include <string>

namespace longshore::net {

class TcpStream final : public ByteStream {
public:
    using Socket = boost::asio::generic::stream_protocol::socket;

    TcpStream(Loop& loop, Socket socket);
    ~TcpStream() override;

    [[nodiscard]] Task<Result<Chunk>> read(std::size_t at_most, Deadline deadline) override;
    [[nodiscard]] Task<Result<>> write(Chunk chunk, Deadline deadline) override;
    [[nodiscard]] Task<Result<>> write_file(FileRange range, Deadline deadline) override;
    [[nodiscard]] Task<Result<>> finish(Deadline deadline) override;
    [[nodiscard]] bool half_closes() const noexcept override { return true; }
    void abort(Errc reason) noexcept override;
    void set_pace(Pace pace) noexcept override;

    // Ends when bytes or the end of stream are waiting / when the kernel takes bytes again. Try the call first: only
    // after it would block is a wake-up certain.
    [[nodiscard]] Task<Result<>> wait_readable(Deadline deadline);
    [[nodiscard]] Task<Result<>> wait_writable(Deadline deadline);
    [[nodiscard]] int descriptor() noexcept { return socket_.native_handle(); }
    // Of a file, by a layer that writes the descriptor itself. A peer that has taken much gets the whole send queue;
    // before that little is queued for it, so that thousands who do not read cost the kernel no memory.
    void taken(std::uint64_t bytes) noexcept;
    [[nodiscard]] Loop& loop() noexcept { return loop_; }

    // "192.0.2.1:4711", "[2001:db8::1]:80", "unix:" for Unix sockets.
    [[nodiscard]] const std::string& peer() const noexcept { return peer_; }
    [[nodiscard]] bool peer_is_public() const noexcept { return peer_is_public_; }
    [[nodiscard]] const std::string& local() const noexcept { return local_; }

private:
    enum class Direction : std::uint8_t { readable, writable };
    struct Wait final : Timer {
        explicit Wait(TcpStream& owner) : stream(owner) {}
        void fire() noexcept override;
        TcpStream& stream;
        bool timed_out = false;
    };
    [[nodiscard]] Task<Result<>> wait(Direction direction, Wait& state, Deadline deadline);
    [[nodiscard]] std::int64_t unsent() noexcept;
    [[nodiscard]] Error failed(int number, const char* doing) const;
    void limit_queue(int bytes) noexcept;

    Loop& loop_;
    Socket socket_;
    Wait reading_{*this};
    Wait writing_{*this};
    Pace pace_;
    RateFloor write_floor_{0, std::chrono::nanoseconds::max()};
    std::optional<Errc> aborted_;
    bool finished_ = false;
    std::uint64_t sent_in_turn_ = 0;  // bytes of files since the loop's others had a turn
    std::uint64_t taken_ = 0;         // bytes of files, up to what proves a reader
    std::string peer_;
    bool peer_is_public_ = false;
    std::string local_;
};

// While it lives, the kernel sends whole segments of a stream only: a large body costs a fifth less. Nothing happens
// for fewer bytes than pay for it. Not beyond the stream's life.
class Corked {
public:
    Corked(TcpStream& stream, std::uint64_t bytes) noexcept;
    Corked(const Corked&) = delete;
    Corked& operator=(const Corked&) = delete;
    ~Corked();

private:
    void set(int on) noexcept;
    TcpStream& stream_;
    bool wanted_;
};

}  // namespace longshore::net

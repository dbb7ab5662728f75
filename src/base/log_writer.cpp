#include "base/log_writer.hpp"

#include "base/log_metrics.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

namespace longshore {

struct LogWriter::ThreadBuffer {
    std::mutex mutex;
    std::string text;
    std::uint64_t lines = 0;
    std::atomic<bool> retired{false};  // its thread has ended or logs elsewhere
};

struct LogWriter::Slot {
    std::uint64_t serial = 0;
    std::shared_ptr<ThreadBuffer> buffer;

    void leave() noexcept {
        if (buffer != nullptr) buffer->retired.store(true, std::memory_order_release);
    }
    ~Slot() { leave(); }
};

namespace {

constexpr std::size_t k_spare_limit = 4;
// A write of this much does not block once poll says writable (pipe(7), and socket buffers have more).
constexpr std::size_t k_slice_bytes = 4096;
constexpr std::chrono::milliseconds k_look_up_every{100};
constexpr std::chrono::milliseconds k_fatal_wait{1000};

bool can_block(int descriptor) {
    struct stat status{};
    if (::fstat(descriptor, &status) != 0) return false;
    return S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || ::isatty(descriptor) == 1;
}

std::uint64_t next_serial() {
    static std::atomic<std::uint64_t> serial{0};
    return ++serial;
}

// The first slice of `text` to write: whole lines if one fits.
std::string_view slice_of(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text;
    const auto end = text.rfind('\n', limit - 1);
    return text.substr(0, end == std::string_view::npos ? limit : end + 1);
}

}  // namespace

LogWriter::LogWriter(int descriptor, const Clock& clock, LogStyle style, LogBounds bounds)
    : descriptor_(descriptor),
      may_block_(can_block(descriptor)),
      clock_(clock),
      bounds_(bounds),
      serial_(next_serial()),
      format_(style.format),
      threshold_(style.threshold) {
    // Signals are the main thread's business, and a reader that left must not end the process.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { run(); }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LogWriter::~LogWriter() {
    collect();
    {
        const std::lock_guard lock{mutex_};
        stop_by_ = std::chrono::steady_clock::now() + bounds_.drain;
    }
    work_.notify_one();
    thread_.join();
}

void LogWriter::restyle(LogStyle style) noexcept {
    format_.store(style.format, std::memory_order_relaxed);
    threshold_.store(style.threshold, std::memory_order_relaxed);
}

bool LogWriter::wants(LogLevel level) const noexcept { return level >= threshold_.load(std::memory_order_relaxed); }

void LogWriter::write(const LogRecord& record) noexcept {
    auto& buffer = buffer_of_this_thread();
    bool first = false;
    {
        const std::lock_guard lock{buffer.mutex};
        if (!has_room(buffer)) return dropped_.add();
        first = buffer.text.empty();
        append_log_line(buffer.text, format_.load(std::memory_order_relaxed), clock_.wall(), record);
        ++buffer.lines;
        const bool due = buffer.text.size() >= bounds_.batch_bytes || record.level >= LogLevel::error;
        if (due && queued_bytes_.load(std::memory_order_relaxed) < bounds_.queue_bytes) {
            hand_over(buffer);
            first = false;
        }
    }
    lines_.add();
    if (first) arm();
    if (record.level == LogLevel::fatal) (void)flush(k_fatal_wait);
}

LogWriter::ThreadBuffer& LogWriter::buffer_of_this_thread() {
    thread_local Slot slot;
    if (slot.serial == serial_) return *slot.buffer;
    slot.leave();
    slot.buffer = std::make_shared<ThreadBuffer>();
    slot.buffer->text.reserve(bounds_.batch_bytes + k_slice_bytes);
    slot.serial = serial_;
    const std::lock_guard lock{threads_mutex_};
    threads_.push_back(slot.buffer);
    return *slot.buffer;
}

// A buffer stays full only while the queue is; then this line is lost.
bool LogWriter::has_room(ThreadBuffer& buffer) {
    if (buffer.text.size() < bounds_.batch_bytes) return true;
    if (queued_bytes_.load(std::memory_order_relaxed) >= bounds_.queue_bytes) return false;
    hand_over(buffer);
    return true;
}

void LogWriter::hand_over(ThreadBuffer& buffer) {
    {
        const std::lock_guard lock{mutex_};
        queued_bytes_.fetch_add(buffer.text.size(), std::memory_order_relaxed);
        ++queued_count_;
        queue_.push_back({std::move(buffer.text), std::exchange(buffer.lines, 0)});
        buffer.text = std::string{};
        if (!spare_.empty()) {
            buffer.text = std::move(spare_.back());
            spare_.pop_back();
        }
    }
    buffer.text.reserve(bounds_.batch_bytes + k_slice_bytes);
    work_.notify_one();
}

void LogWriter::collect() {
    armed_.exchange(false, std::memory_order_acq_rel);
    const std::lock_guard threads{threads_mutex_};
    std::erase_if(threads_, [this](const std::shared_ptr<ThreadBuffer>& buffer) {
        const bool retired = buffer->retired.load(std::memory_order_acquire);
        const std::lock_guard lock{buffer->mutex};
        if (!buffer->text.empty()) hand_over(*buffer);
        return retired;
    });
}

// Tells the writer that some buffer has begun to fill. A few times a second at most, whatever the load.
void LogWriter::arm() {
    if (armed_.exchange(true, std::memory_order_acq_rel)) return;
    {
        const std::lock_guard lock{mutex_};
    }
    work_.notify_one();
}

bool LogWriter::flush(std::chrono::milliseconds at_most) noexcept {
    collect();
    std::unique_lock lock{mutex_};
    const auto goal = queued_count_;
    return written_.wait_for(lock, at_most, [this, goal] { return written_count_ >= goal; });
}

void LogWriter::measure(MetricWriter& into) const {
    into.counter(k_log_lines, lines_);
    into.counter(k_log_dropped, dropped_);
}

void LogWriter::run() {
    std::unique_lock lock{mutex_};
    for (;;) {
        wait_for_work(lock);
        lock.unlock();
        collect();
        lock.lock();
        const bool last = stop_by_.has_value();
        write_queue(lock);
        if (last && queue_.empty()) return;
    }
}

void LogWriter::wait_for_work(std::unique_lock<std::mutex>& lock) {
    const auto urgent = [this] { return stop_by_.has_value() || !queue_.empty(); };
    work_.wait(lock, [&] { return urgent() || armed_.load(std::memory_order_relaxed); });
    work_.wait_for(lock, bounds_.batch_age, urgent);
}

void LogWriter::write_queue(std::unique_lock<std::mutex>& lock) {
    while (!queue_.empty()) {
        auto batch = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        emit(batch);
        queued_bytes_.fetch_sub(batch.text.size(), std::memory_order_relaxed);
        lock.lock();
        ++written_count_;
        batch.text.clear();
        if (spare_.size() < k_spare_limit) spare_.push_back(std::move(batch.text));
        written_.notify_all();
    }
    lock.unlock();
    report_drops();
    lock.lock();
}

void LogWriter::emit(const Batch& batch) {
    if (!emit_bytes(batch.text)) dropped_.add(batch.lines);
}

bool LogWriter::emit_bytes(std::string_view text) {
    const auto limit = may_block_ ? k_slice_bytes : std::numeric_limits<std::size_t>::max();
    while (!text.empty()) {
        if (may_block_ && !wait_writable()) return false;
        const auto slice = slice_of(text, limit);
        const auto wrote = ::write(descriptor_, slice.data(), slice.size());
        if (wrote < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (wrote <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
}

bool LogWriter::wait_writable() {
    for (;;) {
        const bool last_look = given_up();
        pollfd reader{descriptor_, POLLOUT, 0};
        const int ready = ::poll(&reader, 1, last_look ? 0 : static_cast<int>(k_look_up_every.count()));
        if (ready > 0) return true;
        if (last_look || (ready < 0 && errno != EINTR)) return false;
    }
}

bool LogWriter::given_up() const {
    const std::lock_guard lock{mutex_};
    return stop_by_ && std::chrono::steady_clock::now() >= *stop_by_;
}

void LogWriter::report_drops() {
    const auto dropped = dropped_.value();
    if (dropped == reported_drops_) return;
    const LogField field{"lines", dropped - reported_drops_};
    std::string line;
    append_log_line(line, format_.load(std::memory_order_relaxed), clock_.wall(),
                    {LogLevel::warning, "log_lines_dropped", {&field, 1}});
    if (emit_bytes(line)) reported_drops_ = dropped;
}

}  // namespace longshore

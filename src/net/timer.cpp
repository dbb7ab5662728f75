#include "net/timer.hpp"

namespace longshore::net {

void Timer::disarm() noexcept {
    if (next_ == nullptr) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
    if (wheel_ != nullptr) wheel_->disarmed();
}

TimerWheel::TimerWheel(boost::asio::io_context& context, const Clock& clock)
    : clock_(clock), start_(clock.now()), alarm_(context) {
    for (auto& slot : slots_) slot.next_ = slot.previous_ = &slot;
}

TimerWheel::~TimerWheel() {
    for (auto& slot : slots_) {
        while (slot.next_ != &slot) slot.next_->disarm();
        slot.next_ = slot.previous_ = nullptr;
    }
}

std::uint64_t TimerWheel::tick_of(Deadline deadline) const noexcept {
    if (deadline <= start_) return 0;
    const auto span = deadline - start_;
    return static_cast<std::uint64_t>((span + k_tick - std::chrono::nanoseconds{1}) / k_tick);
}

void TimerWheel::arm(Timer& timer, Deadline deadline) {
    timer.disarm();
    if (deadline == Deadline::max()) return;
    timer.tick_ = std::max(tick_of(deadline), current_ + 1);
    timer.wheel_ = this;
    auto& head = slots_[timer.tick_ % k_slots];
    timer.next_ = &head;
    timer.previous_ = head.previous_;
    head.previous_->next_ = &timer;
    head.previous_ = &timer;
    ++armed_;
    if (timer.tick_ < wakes_at_ && !advancing_) sleep_until_next();
}

void TimerWheel::advance() {
    const auto now = clock_.now() <= start_ ? 0 : static_cast<std::uint64_t>((clock_.now() - start_) / k_tick);
    if (now <= current_) return;
    Head due;
    due.next_ = due.previous_ = &due;
    const auto steps = std::min<std::uint64_t>(now - current_, k_slots);
    for (std::uint64_t step = 1; step <= steps; ++step) {
        auto& head = slots_[(current_ + step) % k_slots];
        for (Timer* timer = head.next_; timer != &head;) {
            Timer* const next = timer->next_;
            if (timer->tick_ <= now) {
                timer->previous_->next_ = timer->next_;
                timer->next_->previous_ = timer->previous_;
                timer->next_ = &due;
                timer->previous_ = due.previous_;
                due.previous_->next_ = timer;
                due.previous_ = timer;
            }
            timer = next;
        }
    }
    current_ = now;
    advancing_ = true;
    while (due.next_ != &due) {
        Timer* const timer = due.next_;
        timer->disarm();
        timer->fire();
    }
    advancing_ = false;
    due.next_ = due.previous_ = nullptr;
}

void TimerWheel::sleep_until_next() {
    if (armed_ == 0) return;
    std::uint64_t tick = current_ + 1;
    while (slots_[tick % k_slots].next_ == &slots_[tick % k_slots]) ++tick;
    wakes_at_ = tick;
    const auto wait = start_ + tick * k_tick - clock_.now();
    alarm_.expires_after(std::max<Deadline::duration>(wait, Deadline::duration::zero()));
    alarm_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        wakes_at_ = UINT64_MAX;
        advance();
        sleep_until_next();
    });
}

}  // namespace longshore::net

#include "node/commands/stats.h"

namespace holdfast::node {

void RateMeter::sample(Instant now, uint64_t counter) {
  if (started_ && now > last_) {
    const double seconds = std::chrono::duration<double>(now - last_).count();
    // A reset makes the counter fall: that sample is skipped.
    const double grown = counter >= last_counter_ ? static_cast<double>(counter - last_counter_) : 0;
    rates_[next_] = grown / seconds;
    next_ = (next_ + 1) % kSamples;
  }
  started_ = true;
  last_ = now;
  last_counter_ = counter;
}

double RateMeter::per_second() const {
  double sum = 0;
  for (const double rate : rates_) sum += rate;
  return sum / kSamples;
}

}  // namespace holdfast::node

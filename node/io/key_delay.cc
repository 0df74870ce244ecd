#include "node/io/key_delay.h"

#include <time.h>

#include <cerrno>

namespace holdfast::node {

KeyDelay::KeyDelay(std::chrono::microseconds delay) : delay_(delay), random_(system_random()) {}

Micros KeyDelay::next() {
  const int64_t micros = delay_.count();
  if (micros >= 0) return delay_;
  return Micros(random_.next() % static_cast<uint64_t>(-micros) == 0 ? 1 : 0);
}

void KeyDelay::wait() {
  const int64_t micros = next().count();
  if (micros == 0) return;
  timespec left{micros / 1'000'000, micros % 1'000'000 * 1000};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

Result<> SlowDataSource::for_each(const std::function<Result<>(const EntryView&)>& visit) const {
  KeyDelay delay(delay_);
  return source_.for_each([&](const EntryView& entry) {
    delay.wait();
    return visit(entry);
  });
}

Result<> SlowLoader::insert(int db, std::string_view key, Value value, std::optional<WallTime> expires_at) {
  delay_.wait();
  return loader_.insert(db, key, std::move(value), expires_at);
}

}  // namespace holdfast::node

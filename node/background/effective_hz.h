// The rounds of background work a second. Pure.
#pragma once

#include <algorithm>
#include <cstddef>

namespace holdfast::node {

constexpr int kMostHz = 500;

// `hz` as configured; with `dynamic-hz` it doubles until a round has at most 200 clients to look after, as in Redis.
inline int effective_hz(int configured, bool dynamic, size_t clients) {
  constexpr size_t kClientsPerRound = 200;
  int hz = std::clamp(configured, 1, kMostHz);
  while (dynamic && hz < kMostHz && clients / static_cast<size_t>(hz) > kClientsPerRound) hz *= 2;
  return std::min(hz, kMostHz);
}

}  // namespace holdfast::node

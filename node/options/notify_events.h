// The classes of keyspace events, as notify-keyspace-events names them. Constants.
#pragma once

#include <cstdint>

namespace holdfast::node {

// Bits of notify-keyspace-events, in the order in which they are shown.
enum NotifyEvents : uint32_t {
  kNotifyGeneric = 1 << 0,     // g
  kNotifyString = 1 << 1,      // $
  kNotifyList = 1 << 2,        // l
  kNotifySet = 1 << 3,         // s
  kNotifyHash = 1 << 4,        // h
  kNotifyZset = 1 << 5,        // z
  kNotifyExpired = 1 << 6,     // x
  kNotifyEvicted = 1 << 7,     // e
  kNotifyStream = 1 << 8,      // t
  kNotifyModule = 1 << 9,      // d
  kNotifyNew = 1 << 10,        // n
  kNotifyKeyspace = 1 << 11,   // K
  kNotifyKeyevent = 1 << 12,   // E
  kNotifyKeyMiss = 1 << 13,    // m
  kNotifyAll = (1 << 10) - 1,  // A: all but n, K, E and m
};

}  // namespace holdfast::node

// What the measuring clients share: loopback connections, clocks, the CPU time of another process.
//
// Safe from any thread. Times are nanoseconds.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "common/base/result.h"

namespace holdfast::bench {

// A blocking connection to 127.0.0.1, without Nagle's delay. It is reset when closed, so that tens of thousands of them
// leave no TIME_WAIT behind to run the next run out of ports.
Result<int> connect_loopback(uint16_t port);

uint64_t monotonic_nanos();
// The wall clock: the one in which the kernel stamps packets.
uint64_t realtime_nanos();

// The CPU time that a process has used in all its threads, ended ones included, user and system: the sum behind utime
// and stime of /proc/PID/stat, in nanoseconds rather than ticks. 0 where there is no such process.
uint64_t cpu_nanos_of(pid_t pid);

}  // namespace holdfast::bench

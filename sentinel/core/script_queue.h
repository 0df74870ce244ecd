// The operator's scripts that wait and run: their order, retries and time limits, by the reference's rules:
//
//   at most 16 run and 256 are held; of more, the oldest that does not run is given up
//   exit status 1, or a signal: again, up to 10 tries in all, after the retry delay and twice as long each time
//   any other status but 0, or the last try: it has failed
//   one that runs longer than the limit is killed, and tried again
//
// Pure: the driver starts, kills and reports the end of processes (sentinel/io/script_runner.h). One thread.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "common/time/clock.h"

namespace holdfast::sentinel {

class ScriptQueue {
 public:
  static constexpr size_t kMostRunning = 16;
  static constexpr size_t kMostHeld = 256;
  static constexpr int kMostTries = 10;

  struct Limits {
    Nanos retry_delay;  // before the second try
    Nanos max_runtime;
  };

  struct Script {
    uint64_t id = 0;
    std::vector<std::string> argv;  // the path first
    int tries = 0;                  // with the one that runs
    int pid = 0;                    // 0: it waits
    Instant since;                  // running: its start; waiting: the earliest moment of the next try
    bool killed = false;
  };

  // How a try ended: `code` is an exit status, or the signal's number where `by_signal`.
  struct End {
    int code = 0;
    bool by_signal = false;
  };

  void add(std::vector<std::string> argv, Instant now);

  // The next one to start now, if any: call started() or ended() for it.
  const Script* next_to_start(Instant now) const;
  void started(uint64_t id, int pid, Instant now);
  // One that has run too long, once; null when there is none.
  const Script* next_to_kill(const Limits& limits, Instant now);
  // A try is over. Returns the script if it has failed and will not be tried again. Unknown ids are ignored.
  std::optional<Script> ended(uint64_t id, const End& end, const Limits& limits, Instant now);

  // When one of the above may have something to say next; nothing: not before the next add() or ended().
  std::optional<Instant> next_deadline(const Limits& limits) const;

  const std::list<Script>& scripts() const { return scripts_; }  // oldest first
  size_t running() const;

 private:
  std::list<Script>::iterator find(uint64_t id);

  std::list<Script> scripts_;
  uint64_t last_id_ = 0;
};

}  // namespace holdfast::sentinel

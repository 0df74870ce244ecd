// What DEBUG turns off or shifts for tests, beside what it does at once. Executor thread only.
#pragma once

#include <cstdint>

namespace holdfast::node {

struct DebugSwitches {
  static constexpr uint64_t kPackedThreshold = uint64_t{1} << 30;

  bool cron_paused = false;       // PAUSE-CRON: what happens by itself, many times a second, does not
  bool payload_checksums = true;  // SET-SKIP-CHECKSUM-VALIDATION: off, RESTORE takes a payload of any checksum
  bool deny_scripts = true;       // SET-DISABLE-DENY-SCRIPTS: off, a script may call what it otherwise may not
  bool dict_resizing = true;      // DICT-RESIZING: off, tables do not give memory back
  uint64_t packed_threshold = kPackedThreshold;  // QUICKLIST-PACKED-THRESHOLD: larger list elements stand alone
};

}  // namespace holdfast::node

// What the commands ask of persistence: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, INFO, the MISCONF check, DEBUG RELOAD.
//
// Implemented where snapshots and logs are driven (node/io); a fake in tests. Executor thread only. Errors are the
// whole text a client sees, code first ("ERR Background save already in progress").
#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/time/clock.h"

namespace holdfast::node {

class PersistenceControl {
 public:
  virtual ~PersistenceControl() = default;

  virtual Result<> save() = 0;  // blocks until written
  // The status to answer: "Background saving started" or, with `schedule` while a log is rewritten, "Background saving
  // scheduled".
  virtual Result<std::string> background_save(bool schedule) = 0;
  virtual Result<std::string> rewrite_log() = 0;  // "Background append only file rewriting started" or "... scheduled"
  virtual WallTime last_save() const = 0;
  // FLUSHALL has emptied the data set: a running save is pointless, and where save points are set the file is written
  // anew at once, as Redis does.
  virtual void flushed_all() = 0;

  // Why writes are refused now (stop-writes-on-bgsave-error after a failed save, or a failed log write): the whole
  // MISCONF text; nothing while all is well.
  virtual const std::optional<std::string>& write_refusal() const = 0;

  // The append-only file is switched on; the offset of what it has been fed; how far it is on the disk (which says
  // nothing as long as its first base is being written).
  virtual bool log_on() const = 0;
  virtual uint64_t logged_offset() const = 0;
  virtual uint64_t synced_offset() const = 0;
  // Somebody waits for that: under `everysec` the log is synced at the end of this turn, not of this second.
  virtual void sync_log_soon() = 0;

  // Log content that is not yet written, in bytes.
  virtual uint64_t buffered_bytes() const = 0;

  // The lines of INFO persistence, each with CRLF, without the heading.
  virtual std::string info() const = 0;
  virtual void reset_stats() = 0;  // CONFIG RESETSTAT

  // DEBUG RELOAD: saves (unless told not to), empties the data set (unless told not to) and loads the file.
  struct ReloadOptions {
    bool save = true, flush = true, merge = false;
  };
  virtual Result<> reload(const ReloadOptions& options) = 0;
  virtual Result<> reload_log() = 0;  // DEBUG LOADAOF
};

}  // namespace holdfast::node

// What the commands ask of the process around them: shutting down, blocking on purpose, facts for INFO, CONFIG.
//
// Implemented in node/io, faked in tests. Executor thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/run_id.h"
#include "common/time/clock.h"

namespace holdfast::node {

struct ShutdownRequest {
  enum class Save : uint8_t { by_save_points, always, never };
  Save save = Save::by_save_points;
  bool now = false;    // do not wait for lagging replicas
  bool force = false;  // exit even if saving fails
};

struct ProcessFacts {
  int64_t pid = 0;
  RunId run_id;
  uint16_t tcp_port = 0;
  std::string executable, config_file;
  std::string system;             // uname: "Linux 6.1.0 x86_64"
  std::string supervised = "no";  // "no", "systemd", "upstart"
  Seconds uptime{0};
  uint64_t allocated_bytes = 0;                   // by the allocator's own account
  uint64_t active_bytes = 0, resident_bytes = 0;  // of the allocator
  uint64_t startup_bytes = 0;                     // allocated when the data set was still empty
  uint64_t rss_bytes = 0;
  uint64_t total_system_bytes = 0;
  std::string allocator;                // "jemalloc-5.3.0", "libc"
  double cpu_system = 0, cpu_user = 0;  // seconds
  double cpu_system_children = 0, cpu_user_children = 0;
  double cpu_system_main_thread = 0, cpu_user_main_thread = 0;
  std::optional<Millis> shutdown_in;  // until a shutdown waits for its replicas no longer
};

class ProcessControl {
 public:
  virtual ~ProcessControl() = default;

  // Begins to shut down. When it cannot (saving failed), `failed` is called, perhaps at once, with the error text.
  virtual void shutdown(const ShutdownRequest& request, std::function<void(std::string_view error)> failed) = 0;
  virtual bool abort_shutdown() = 0;  // false: none is in progress
  // The data cannot be trusted any more, and the configuration has the process end then: at once, nothing is saved.
  virtual void panic(std::string_view why) = 0;

  virtual void block_for(Micros duration) = 0;  // DEBUG SLEEP: the executor stands still
  virtual ProcessFacts facts() const = 0;
  // Bytes allocated now: exact, and cheap enough for every request.
  virtual uint64_t used_memory() const = 0;
  // Calls `work` from the event loop, after what is ready now.
  // Node::end_overdue_waits() is called at this time, or at the earliest of those asked for.
  virtual void wake_at(Instant due) = 0;
  virtual void run_soon(std::function<void()> work) = 0;
  virtual void release_free_memory() = 0;             // MEMORY PURGE
  virtual std::string allocator_statistics() const = 0;  // MEMORY MALLOC-STATS
  // DEBUG MALLCTL: the value of one of the allocator's controls, which becomes `value` if that is given; nothing: there
  // is no such control of a number.
  virtual std::optional<int64_t> allocator_control(const std::string& name, std::optional<int64_t> value) = 0;
  // DEBUG MALLCTL-STR ... VOID: one that has no value and does something, such as thread.tcache.flush; false: there is
  // none.
  virtual bool allocator_act(const std::string& name) = 0;
  virtual int64_t unix_micros() const = 0;  // TIME, MONITOR
};

// CONFIG's subcommands. Errors are the whole text a client sees.
class ConfigControl {
 public:
  virtual ~ConfigControl() = default;
  // Options whose name matches one of the globs, each once.
  virtual std::vector<std::pair<std::string, std::string>> get(std::span<const std::string_view> globs) const = 0;
  // name, value, name, value ...: all or nothing. `local_client`: on this machine (enable-protected-configs local).
  virtual Result<> set(std::span<const std::string_view> pairs, bool local_client) = 0;
  virtual Result<> rewrite() = 0;
  virtual Result<> rewrite_all() = 0;  // with every option, those at their defaults too
};

}  // namespace holdfast::node

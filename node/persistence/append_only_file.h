// The append-only file as a whole: its manifest, bases and increments on disk, loading, rewriting, on and off.
//
//   off              nothing is logged; the files of the last time stay.
//   waiting_rewrite  switched on at run time: there is no base yet that fits the data. Effects go to a temporary
//                    increment while the first rewrite runs; the old files stay valid until it is done.
//   on               effects go to the last increment of the manifest.
//
// Order on disk: files are made and their folder synced before the manifest names them; the manifest is replaced
// atomically; only then what it no longer names is removed. A crash at any point leaves a manifest whose files are
// there. What a crash leaves besides is removed by the next open().
//
// When writing has failed (failed()), write commands are answered misconf_text() until disable() and enable().
//
// Executor thread only, `notify` aside (log thread; see AppendOnlyLog).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/fs/file_system.h"
#include "common/time/clock.h"
#include "node/keyspace/data_visitor.h"
#include "node/keyspace/effect_sink.h"
#include "node/persistence/aof_loader.h"
#include "node/persistence/aof_log.h"
#include "node/persistence/aof_manifest.h"
#include "node/persistence/save_policy.h"
#include "node/persistence/snapshot.h"

namespace holdfast::node {

class AppendOnlyFile final : public EffectSink {
 public:
  enum class State : uint8_t { off, waiting_rewrite, on };

  struct Options {
    std::string directory = ".";           // dir
    std::string folder = "appendonlydir";  // appenddirname, in `directory`
    std::string filename = "appendonly.aof";
    FsyncPolicy fsync = FsyncPolicy::everysec;
    bool timestamps = false;
    bool rdb_base = true;  // aof-use-rdb-preamble
    RdbEncoder::Options encoding;
    bool incremental_sync = true;
  };
  // The replication position of this moment: each new file begins with it.
  using PositionSource = std::function<std::optional<ReplicationPosition>()>;

  AppendOnlyFile(FileSystem& fs, const Clock& clock, Options options, AppendOnlyLog::Notify notify,
                 PositionSource position = {});
  ~AppendOnlyFile() override;

  // --- Start, in this order.
  // Loads the log; nothing when there is none. Takes over the single file of an old version, cuts a torn tail (see
  // aof_loader.h).
  Result<std::optional<AofLoad>> load(DataLoader& loader, const AofExecutor& execute, const AofLoadOptions& options);
  // Goes on with the log that was loaded, or begins one with `source` as its base. Removes what a crash left.
  Result<> open(const DataSource& source, const RdbHeader& header);

  // --- Logging.
  void feed(int db, std::span<const std::string_view> argv) override;
  void flush();  // the end of a turn; also a few times a second when idle. Look at failed() afterwards
  // The end of a turn in which somebody began to wait for the disk; see AppendOnlyLog::sync_now().
  void sync_now() {
    if (log_) log_->sync_now();
  }
  void annotate(const ReplicationPosition& position);  // not inside a transaction
  State state() const { return state_; }
  // Offsets grow for the life of this object, on or off; with nothing logged everything counts as durable.
  uint64_t appended_offset() const;
  uint64_t durable_offset() const;
  // Up to here a sync is done or asked for.
  uint64_t sync_requested_offset() const { return offset_base_ + (log_ ? log_->sync_requested_offset() : 0); }
  // Replies must wait for durable_offset(). (Once the log has failed there is nothing to wait for.)
  bool gates_replies() const { return state_ == State::on && options_.fsync == FsyncPolicy::always && !failed(); }
  bool failed() const { return log_ && log_->failed(); }
  metrics::LatencyHistogram fsync_durations() const;  // for the life of this object
  std::string misconf_text() const;

  // --- CONFIG SET. Values that only matter for the next rewrite go into options().
  Options& options() { return options_; }
  void set_fsync_policy(FsyncPolicy policy);
  void set_timestamps(bool enabled);
  // no-appendfsync-on-rewrite while a snapshot is written: see AppendOnlyLog::set_sync_paused().
  void pause_syncs(bool paused) {
    if (log_) log_->set_sync_paused(paused);
  }
  // appendonly yes: the first rewrite is wanted from now on (rewrite_wanted()). Fine when already on.
  Result<> enable();
  // appendonly no: flushes, syncs, stops logging and the running rewrite.
  void disable(SnapshotSaver& saver);
  // Clean shutdown: the position of the log's end, a last sync.
  Result<> close(const std::optional<ReplicationPosition>& position);

  // --- BGREWRITEAOF. The saver must be idle. The result comes by the saver's poll().
  Result<> start_rewrite(const RdbHeader& header, SnapshotSaver& saver);
  void schedule_rewrite() { rewrite_scheduled_ = true; }
  bool rewrite_scheduled() const { return rewrite_scheduled_; }
  bool rewriting() const { return rewriting_; }
  // A scheduled rewrite, or the first one of enable(), is to be started now (the saver being idle).
  bool rewrite_wanted(Instant now) const;
  // The growth in percent for which an automatic rewrite is to be started now.
  std::optional<int64_t> automatic_rewrite_due(const RewriteRule& rule, Instant now) const;

  struct Stats {
    uint64_t base_bytes = 0;     // size of everything when the last rewrite ended or the log was loaded
    uint64_t current_bytes = 0;  // now
    uint64_t delayed_syncs = 0;
    uint64_t rewrites = 0;
    int consecutive_rewrite_failures = 0;
    bool last_rewrite_ok = true;
    std::optional<Nanos> last_rewrite_duration;
    std::optional<Instant> rewrite_started;  // of the running one
  };
  Stats stats() const;
  uint64_t buffered_bytes() const { return log_ ? log_->buffered_bytes() : 0; }  // not yet written
  const AofManifest& manifest() const { return manifest_; }
  std::string folder_path() const { return join_path(options_.directory, options_.folder); }

 private:
  std::string path_of(std::string_view name) const { return join_path(folder_path(), name); }
  std::string temporary_base_path() const;
  Result<> read_manifest();
  Result<> take_over_old_file();
  Result<> check_nothing_is_lost();
  Result<> sync_loaded();
  void remove_leftovers();
  Result<> persist(const AofManifest& manifest);
  Result<std::unique_ptr<File>> create_file(const std::string& path);
  std::string file_head() const;
  void start_log(std::unique_ptr<File> file, uint64_t bytes);
  void stop_log();
  Result<> begin_increment();
  Result<> begin_temporary_increment();
  void rewrite_finished(const SnapshotResult& result);
  Result<> install_base();
  void abandon_rewrite();
  void remove_history();

  FileSystem& fs_;
  const Clock& clock_;
  Options options_;
  const AofNames names_;
  const AppendOnlyLog::Notify notify_;
  const PositionSource position_;

  State state_ = State::off;
  AofManifest manifest_;
  std::unique_ptr<AppendOnlyLog> log_;
  uint64_t offset_base_ = 0;    // bytes fed before log_ began
  metrics::LatencyHistogram earlier_fsyncs_;
  uint64_t earlier_bytes_ = 0;  // of the base and the increments before the current one
  uint64_t rewrite_base_bytes_ = 0;

  bool rewriting_ = false;
  bool rewrite_rdb_ = true;  // format of the base being written
  bool rewrite_scheduled_ = false;
  uint64_t rewrites_ = 0;
  bool last_rewrite_ok_ = true;
  std::optional<Nanos> last_rewrite_duration_;
  Instant rewrite_started_;
  std::optional<Instant> last_rewrite_failure_;
  RewriteBackoff backoff_;
};

}  // namespace holdfast::node

// Persistence of the node: dumps (SAVE, BGSAVE, save points, snapshots for replicas) and the append-only file, on one
// background writer. What the commands ask of persistence comes in here.
//
// Executor thread only. load() runs before the event loop does; tick() a few times a second from then on.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/fs/file_system.h"
#include "common/net/wakeup.h"
#include "common/time/clock.h"
#include "node/background/snapshot_pace.h"
#include "node/commands/node.h"
#include "node/commands/persistence_control.h"
#include "node/io/background_driver.h"
#include "node/io/key_delay.h"
#include "node/options/node_options.h"
#include "node/persistence/append_only_file.h"
#include "node/persistence/cut_snapshot_saver.h"
#include "node/persistence/rdb_reader.h"
#include "node/persistence/save_policy.h"

namespace holdfast::node {

class PersistenceDriver final : public PersistenceControl {
 public:
  PersistenceDriver(boost::asio::io_context& io, FileSystem& fs, const Clock& clock, const NodeOptions& options);

  void attach(Node& node, BackgroundDriver& background);
  void stop();  // ends a running snapshot, before the node goes

  // At start: the append-only file if it is on, else the dump. Clients are answered (-LOADING) meanwhile. An error means
  // that the process must not go on.
  Result<> load();
  // The replication position that the loaded data set is at.
  const std::optional<ReplicationPosition>& loaded_position() const { return loaded_position_; }

  void tick();                 // save points, rewrites that are due
  Result<> apply_options();    // after CONFIG SET appendonly, appendfsync, save ...
  // The end: saves if asked, finishes the log. False when that failed and `force` is off.
  bool finish(bool save, bool force);
  bool has_save_points() const { return !options_.save.empty(); }

  // --- PersistenceControl ---
  Result<> save() override;
  Result<std::string> background_save(bool schedule) override;
  Result<std::string> rewrite_log() override;
  WallTime last_save() const override { return last_save_wall_; }
  void flushed_all() override;
  const std::optional<std::string>& write_refusal() const override { return refusal_; }
  std::string info() const override;
  void reset_stats() override;
  Result<> reload(const ReloadOptions& options) override;
  Result<> reload_log() override;

  metrics::LatencyHistogram fsync_durations() const { return log_.fsync_durations(); }

  // --- For replication ---
  bool snapshot_running() const { return saver_->running().has_value(); }
  Result<> snapshot_for_replicas(const std::string& path, int descriptor, const ReplicationPosition& position,
                                 std::function<void(Result<>)> done);
  uint64_t snapshot_held_bytes() const { return saver_->held_bytes(); }
  void cancel_snapshot_for_replicas();
  // Called when a snapshot of any kind has ended and none runs.
  void on_idle(std::function<void()> callback) { on_idle_ = std::move(callback); }
  // Called on the thread that writes a snapshot, before it begins.
  void on_writer_start(std::function<void(SnapshotPurpose)> callback) { on_writer_start_ = std::move(callback); }
  Result<RdbLoad> check_dump(const std::string& path);  // what a load would find
  enum class Expired : uint8_t { keep, drop };
  // `merge`: keys that are there already take the file's values; else such a key is an error.
  Result<RdbLoad> load_dump(const std::string& path, Expired expired, bool merge = false);
  // Into an empty data set beside the node's, which is served meanwhile.
  Result<RdbLoad> load_dump_aside(const std::string& path, Keyspace& aside);
  // Around the replacement of the whole data set: the log stops, and comes back with a base of the new data.
  void suspend_log();
  void resume_log();
  void note_identity(const ReplicationPosition& position);
  // The offset of the replication stream up to which the log is on the disk; nothing while it is off.
  std::optional<int64_t> synced_stream_offset() const;

  // --- Facts ---
  bool log_on() const override { return log_connected_; }
  uint64_t logged_offset() const override { return log_connected_ ? log_.appended_offset() : 0; }
  uint64_t synced_offset() const override { return synced_; }
  void sync_log_soon() override;
  uint64_t buffered_bytes() const override { return log_.buffered_bytes() + saver_->held_bytes(); }
  double snapshot_progress() const;  // 0 to 1 while one runs
  std::optional<SnapshotPurpose> running() const { return saver_->running(); }
  uint64_t failures() const { return failures_; }

 private:
  // The log as a sink of effects: what it is fed is written at the turn's end, and gates the replies where they must wait.
  class LogSink final : public EffectSink {
   public:
    explicit LogSink(PersistenceDriver& driver) : driver_(driver) {}
    void feed(int db, std::span<const std::string_view> argv) override;

   private:
    PersistenceDriver& driver_;
  };

  AppendOnlyFile::Options log_options() const;
  Result<bool> replay_log();  // false: there is none
  Result<> load_log();
  Result<> load_dump_at_start();
  void note_stream_position();
  void log_is_synced();        // up to where it is durable
  void update_gating();        // after the log has begun or ceased to hold replies back
  void connect_log();          // after the log was switched on or off
  void write_log();            // the turn's end
  void log_progressed();       // something became durable, or the log failed
  Result<> start_rewrite();
  std::string dump_path() const;
  const DataSource& source() const;  // of SAVE: the data set, slowed down where rdb-key-save-delay says so
  SnapshotRequest dump_request(std::optional<ReplicationPosition> position) const;
  std::optional<ReplicationPosition> current_position() const;
  void snapshot_started();
  void poll_snapshot();
  bool snapshot_slice(Instant until);
  void go_on_with_snapshot();
  Result<> start_background_save();
  void background_save_finished(const SnapshotResult& result, int64_t dirty_before);
  void saved(int64_t dirty_left);
  void stop_snapshot();
  LoadProgress serve_while_loading(uint64_t total_bytes, bool aside = false);
  Result<RdbLoad> load_into(Keyspace& keys, const std::string& path, Expired expired, bool merge);
  static void say_progress(const LoadingState& loading, double elapsed_seconds);
  void update_refusal();

  boost::asio::io_context& io_;
  FileSystem& fs_;
  const Clock& clock_;
  const NodeOptions& options_;
  Node* node_ = nullptr;
  std::unique_ptr<SlowDataSource> slow_source_;
  net::Wakeup snapshot_progressed_;
  std::optional<CutSnapshotSaver> saver_;  // from attach() on
  BackgroundDriver* background_ = nullptr;
  SlicePlanner::TaskId snapshot_task_{};
  SnapshotPace pace_;
  AppendOnlyFile log_;
  LogSink log_sink_{*this};
  bool log_connected_ = false;
  bool gating_ = false;  // replies wait for the log
  bool sync_wanted_ = false;  // at the end of this turn
  uint64_t synced_ = 0;  // of the log
  // Of a replica: offsets of the log, not yet on the disk, and those of the stream that they stand for.
  std::deque<std::pair<uint64_t, int64_t>> stream_positions_;
  std::optional<int64_t> synced_stream_;
  bool log_failure_known_ = false;
  bool log_suspended_ = false;
  std::optional<ReplicationPosition> loaded_position_;

  Instant last_save_;
  WallTime last_save_wall_;
  std::optional<Instant> last_try_;
  bool last_background_save_ok_ = true;
  Seconds last_save_duration_{-1};
  Instant save_started_;
  uint64_t saves_ = 0, failures_ = 0;
  uint64_t last_cow_bytes_ = 0;
  uint64_t last_load_expired_ = 0, last_load_loaded_ = 0;
  std::atomic<uint64_t> loading_used_memory_{0};
  bool save_scheduled_ = false;
  std::optional<std::string> refusal_;
  std::function<void()> on_idle_;
  std::function<void(SnapshotPurpose)> on_writer_start_;
};

}  // namespace holdfast::node

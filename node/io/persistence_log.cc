// The append-only file's half of PersistenceDriver: switching, writing, rewriting.
#include <utility>

#include "common/log/log.h"
#include "common/memory/usage.h"
#include "node/io/persistence_driver.h"
#include "node/io/settings.h"

namespace holdfast::node {

AppendOnlyFile::Options PersistenceDriver::log_options() const {
  AppendOnlyFile::Options options;
  options.directory = ".";
  options.folder = options_.appenddirname;
  options.filename = options_.appendfilename;
  options.fsync = fsync_policy(options_.appendfsync);
  options.timestamps = options_.aof_timestamp_enabled;
  options.rdb_base = options_.aof_use_rdb_preamble;
  options.encoding.compression = options_.rdbcompression;
  options.encoding.checksum = options_.rdbchecksum;
  options.incremental_sync = options_.aof_rewrite_incremental_fsync;
  return options;
}

void PersistenceDriver::LogSink::feed(int db, std::span<const std::string_view> argv) {
  driver_.log_.feed(db, argv);
  auto& server = driver_.node_->server();
  if (driver_.gating_) server.gate().produce(driver_.log_.appended_offset());
  server.request_turn_end();
}

// What was logged before is waited for as well, by everybody.
void PersistenceDriver::update_gating() {
  if (gating_ == log_.gates_replies()) return;
  gating_ = log_.gates_replies();
  auto& server = node_->server();
  if (gating_) {
    node_->unsynced().switch_on();
    server.gate().produce(log_.appended_offset());
    server.release_gate(log_.durable_offset());  // it may be all of it, and then nobody tells of it again
    server.request_turn_end();
  } else {
    node_->unsynced().switch_off();
  }
}

void PersistenceDriver::connect_log() {
  const bool wanted = log_.state() != AppendOnlyFile::State::off;
  if (wanted && !log_connected_) node_->effects().add_sink(log_sink_, Effects::SinkKind::log);
  if (!wanted && log_connected_) node_->effects().remove_sink(log_sink_);
  log_connected_ = wanted;
  log_failure_known_ = log_.failed();
  update_gating();
  if (!wanted) {
    node_->server().release_gate(node_->server().gate().produced());
    stream_positions_.clear();
    synced_stream_.reset();
    node_->replication().log_synced(std::nullopt);
  } else {
    node_->replication().log_synced(synced_);
  }
  update_refusal();
}

void PersistenceDriver::write_log() {
  if (!log_connected_) return;
  update_gating();
  // Of any kind: each writes much, and a sync would wait for that.
  log_.pause_syncs(options_.no_appendfsync_on_rewrite && saver_->running());
  if (std::exchange(sync_wanted_, false)) {
    log_.sync_now();
  } else {
    log_.flush();
  }
  if (gating_) node_->unsynced().end_turn(log_.appended_offset());
  if (node_->is_replica()) note_stream_position();
  if (log_.failed() && !log_failure_known_) log_progressed();
}

void PersistenceDriver::sync_log_soon() {
  sync_wanted_ = true;
  node_->server().request_turn_end();
}

void PersistenceDriver::log_progressed() {
  auto& server = node_->server();
  if (log_.failed()) {
    if (log_failure_known_) return;
    log_failure_known_ = true;
    ++failures_;
    log::warning("{}", log_.misconf_text());
    server.fail_gate();
    update_gating();
    return update_refusal();
  }
  server.refresh_now();
  server.release_gate(log_.durable_offset());
  log_is_synced();
}

// Only the last position of those that no sync has been asked for yet is of interest: the next sync covers it.
void PersistenceDriver::note_stream_position() {
  const uint64_t logged = log_.appended_offset();
  const int64_t position = node_->replication().offset();
  if (!stream_positions_.empty() && stream_positions_.back().first > log_.sync_requested_offset()) {
    stream_positions_.back() = {logged, position};
  } else {
    stream_positions_.emplace_back(logged, position);
  }
  log_is_synced();
}

void PersistenceDriver::log_is_synced() {
  if (log_.state() != AppendOnlyFile::State::on) return;
  synced_ = log_.durable_offset();
  while (!stream_positions_.empty() && stream_positions_.front().first <= synced_) {
    synced_stream_ = stream_positions_.front().second;
    stream_positions_.pop_front();
  }
  node_->replication().log_synced(synced_);
}

std::optional<int64_t> PersistenceDriver::synced_stream_offset() const {
  return log_connected_ ? synced_stream_.value_or(0) : std::optional<int64_t>();
}

Result<> PersistenceDriver::apply_options() {
  auto& options = log_.options();
  const auto wanted = log_options();
  options.rdb_base = wanted.rdb_base;
  options.encoding = wanted.encoding;
  options.incremental_sync = wanted.incremental_sync;
  log_.set_timestamps(wanted.timestamps);
  log_.set_fsync_policy(wanted.fsync);
  update_gating();
  update_refusal();
  const bool on = log_.state() != AppendOnlyFile::State::off;
  if (options_.appendonly == on || log_suspended_) return {};
  if (options_.appendonly) {
    if (auto enabled = log_.enable(); !enabled) {
      log::warning("Can't switch the append-only file on: {}", enabled.error().text);
      return fail("Unable to turn on AOF. Check server logs.");
    }
    connect_log();
    if (saver_->running() || node_->in_transaction()) {
      log::notice("AOF was enabled but cannot begin at once. An AOF background was scheduled to start when possible.");
    } else if (!start_rewrite()) {
      log_.disable(*saver_);
      connect_log();
      return fail("Unable to turn on AOF. Check server logs.");
    }
    return {};
  }
  log_.disable(*saver_);
  connect_log();
  return {};
}

void PersistenceDriver::suspend_log() {
  log_suspended_ = log_.state() != AppendOnlyFile::State::off;
  if (!log_suspended_) return;
  log_.disable(*saver_);
  connect_log();
}

void PersistenceDriver::resume_log() {
  if (!log_suspended_) return;
  log_suspended_ = false;
  if (!options_.appendonly) return;
  if (auto enabled = log_.enable(); !enabled) {
    log::warning("Can't go on with the append-only file: {}", enabled.error().text);
    return;
  }
  connect_log();
}

void PersistenceDriver::note_identity(const ReplicationPosition& position) {
  if (log_.state() != AppendOnlyFile::State::off) log_.annotate(position);
}

Result<> PersistenceDriver::start_rewrite() {
  RdbHeader header;
  header.created = clock_.wall_now();
  header.used_memory = memory::used_bytes();
  header.aof_base = true;
  header.replication = current_position();
  auto started = log_.start_rewrite(header, *saver_);
  if (!started) {
    ++failures_;
    log::warning("Can't rewrite append only file in background: {}", started.error().text);
    return started;
  }
  snapshot_started();
  return {};
}

Result<std::string> PersistenceDriver::rewrite_log() {
  if (log_.rewriting()) return fail("ERR Background append only file rewriting already in progress");
  if (saver_->running() || node_->in_transaction()) {
    log_.schedule_rewrite();
    return "Background append only file rewriting scheduled";
  }
  if (!start_rewrite()) {
    return fail(
        "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.");
  }
  return "Background append only file rewriting started";
}

}  // namespace holdfast::node

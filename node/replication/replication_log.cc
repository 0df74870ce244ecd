#include "node/replication/replication_log.h"

#include <utility>

#include "common/base/assert.h"
#include "common/resp/writer.h"

namespace holdfast::node {

ReplicationLog::ReplicationLog(const RunId& id, uint64_t backlog_bytes) : id_(id), stream_(backlog_bytes) {}

void ReplicationLog::feed(int db, std::span<const std::string_view> argv) {
  if (!listening()) return;
  scratch_.clear();
  if (db >= 0 && db != selected_db_) {
    const std::string number = std::to_string(db);
    const std::string_view select[] = {"SELECT", number};
    resp::Writer(scratch_).command(select);
    selected_db_ = db;
  }
  resp::Writer(scratch_).command(argv);
  append(scratch_);
}

void ReplicationLog::feed_ping() {
  if (active_ && !replica_ && !quiet_) append("*1\r\n$4\r\nPING\r\n");
}

void ReplicationLog::feed_getack(bool synced) {
  if (!active_ || replica_) return;
  scratch_.clear();
  const std::string_view argv[] = {"REPLCONF", "GETACK", synced ? kGetackSynced : "*"};
  resp::Writer(scratch_).command(argv);
  append(scratch_);
}

void ReplicationLog::append(std::string_view bytes) {
  stream_.append(bytes);
  if (!std::exchange(awake_, true) && wake_) wake_();
}

void ReplicationLog::forward(std::string_view bytes) {
  HOLDFAST_ASSERT(replica_ && active_);
  append(bytes);
}

void ReplicationLog::start_stream(int64_t position) {
  stream_.start(position);
  active_ = true;
  selected_db_ = -1;
}

void ReplicationLog::activate(const RunId& fresh_id) {
  if (active_) return;
  if (!replica_) {
    id_ = fresh_id;
    id2_ = RunId();
    second_offset_ = -1;
  }
  start_stream(offset_);
}

void ReplicationLog::deactivate(const RunId& fresh_id) {
  if (!active_ || replica_) return;
  offset_ = stream_.end();
  active_ = false;
  stream_.start(offset_);
  id_ = fresh_id;
  id2_ = RunId();
  second_offset_ = -1;
}

void ReplicationLog::become_primary(const RunId& fresh_id) {
  HOLDFAST_ASSERT(replica_);
  replica_ = false;
  has_history_ = false;
  id2_ = id_;
  second_offset_ = offset() + 1;
  id_ = fresh_id;
  selected_db_ = -1;  // replicas that continue have whatever the old primary had selected last
}

void ReplicationLog::change_id(const RunId& fresh_id) {
  id_ = fresh_id;
  id2_ = RunId();
  second_offset_ = -1;
}

void ReplicationLog::become_replica() {
  if (replica_) return;
  replica_ = true;
  has_history_ = true;
  if (!active_) start_stream(offset_);
}

std::optional<HistoryPosition> ReplicationLog::resume_position() const {
  if (!replica_ || !has_history_) return std::nullopt;
  return HistoryPosition{id_, offset()};
}

bool ReplicationLog::continued_as(const std::optional<RunId>& id) {
  HOLDFAST_ASSERT(replica_ && has_history_ && active_);
  if (!id || *id == id_) return false;
  id2_ = id_;
  second_offset_ = offset() + 1;
  id_ = *id;
  return true;
}

void ReplicationLog::forget_history() {
  has_history_ = false;
  offset_ = offset();
  active_ = false;
  stream_.start(offset_);
}

void ReplicationLog::adopt(const HistoryPosition& position) {
  HOLDFAST_ASSERT(replica_);
  id_ = position.id;
  id2_ = RunId();
  second_offset_ = -1;
  offset_ = position.offset;
  has_history_ = true;
  start_stream(offset_);
}

void ReplicationLog::restore_as_replica(const HistoryPosition& position) {
  replica_ = true;
  adopt(position);
}

void ReplicationLog::restore_as_primary(const HistoryPosition& position, const RunId& fresh_id) {
  HOLDFAST_ASSERT(!replica_ && !active_);
  id2_ = position.id;
  second_offset_ = position.offset + 1;
  id_ = fresh_id;
  offset_ = position.offset;
  start_stream(offset_);
}

}  // namespace holdfast::node

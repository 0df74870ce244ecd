// This node's replication history: its ids and offsets, byte for byte as Redis counts them, and the stream behind them.
//
// A primary encodes the effects of its commands into the stream (it is an EffectSink). A replica appends the bytes of its
// primary once it has applied them, so offset() is both what it forwards and what it acknowledges.
//
// Ids. `id` names the history that the data set follows; `id2` the history it was before, valid up to `second_offset`
// (exclusive, as Redis prints it). A change of `id` tells nothing to replicas that are attached: whoever changes it must
// disconnect them, so that they learn it by PSYNC; every such method says so.
//
// The stream starts when a first replica asks for it (active()); before, feed() costs nothing and the offset stands.
// Pure: no clock, no I/O. Executor thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/run_id.h"
#include "node/keyspace/effect_sink.h"
#include "node/replication/stream_backlog.h"

namespace holdfast::node {

inline constexpr std::string_view kGetackSynced = "FACK";  // the last word of a REPLCONF GETACK for WAITAOF

struct HistoryPosition {
  RunId id;
  int64_t offset = 0;
};

class ReplicationLog final : public EffectSink {
 public:
  ReplicationLog(const RunId& id, uint64_t backlog_bytes);

  const RunId& id() const { return id_; }
  const RunId& id2() const { return id2_; }
  int64_t offset() const { return active_ ? stream_.end() : offset_; }
  int64_t second_offset() const { return second_offset_; }  // -1: none
  bool active() const { return active_; }
  bool is_replica() const { return replica_; }
  StreamBacklog& stream() { return stream_; }
  const StreamBacklog& stream() const { return stream_; }
  void set_backlog_size(uint64_t bytes) { stream_.set_history(bytes); }

  // --- The stream of a primary. A replica drops what it is fed.
  void feed(int db, std::span<const std::string_view> argv) override;
  bool listening() const override { return active_ && !replica_; }
  void feed_ping();
  // Asks all replicas for their offsets; `synced`: and to get what they have onto their disks, and to say when it is there.
  // That is told by the request's last word, which means nothing to Redis.
  void feed_getack(bool synced);
  void set_quiet(bool quiet) { quiet_ = quiet; }  // no pings: the offset is to stand still
  void select_again() { selected_db_ = -1; }  // the next command is preceded by SELECT (a snapshot was cut here)
  int selected_db() const { return selected_db_; }
  // Called once for all appends until rearm(): the driver wakes the replicas at the end of its turn.
  void set_wake(std::function<void()> wake) { wake_ = std::move(wake); }
  void rearm() { awake_ = false; }

  // --- The stream of a replica: the primary's bytes, after they were applied.
  void forward(std::string_view bytes);

  // Starts the stream for a first replica. As a primary without a stream there is no past to continue from, so the
  // history gets a new name.
  void activate(const RunId& fresh_id);
  // No replica for repl-backlog-ttl: the stream ends, and with it the history's name.
  void deactivate(const RunId& fresh_id);

  // The history goes on under a new name, and no other: whoever asks to continue it gets a full resync.
  void change_id(const RunId& fresh_id);

  // --- Changes of role.
  // REPLICAOF NO ONE: the old name becomes id2. Disconnect the replicas.
  void become_primary(const RunId& fresh_id);
  // REPLICAOF host port: what this node wrote as a primary is the history that it offers to continue.
  void become_replica();
  // Where to continue from, when there is a history to continue.
  std::optional<HistoryPosition> resume_position() const;
  // +CONTINUE. True: the id changed, disconnect the replicas.
  [[nodiscard]] bool continued_as(const std::optional<RunId>& id);
  // The data set is about to be replaced: nothing can be continued. Disconnect the replicas first.
  void forget_history();
  // A full resync was loaded.
  void adopt(const HistoryPosition& position);

  // --- After a restart, from what the files say.
  void restore_as_replica(const HistoryPosition& position);
  // The tail of the old history may be lost, so it is continued under a new name.
  void restore_as_primary(const HistoryPosition& position, const RunId& fresh_id);

 private:
  void append(std::string_view bytes);
  void start_stream(int64_t position);

  RunId id_;
  RunId id2_;
  int64_t second_offset_ = -1;
  int64_t offset_ = 0;  // while not active
  bool active_ = false;
  bool replica_ = false;
  bool has_history_ = false;  // as a replica: the data set is a prefix of history id_ at offset()
  bool quiet_ = false;
  int selected_db_ = -1;
  StreamBacklog stream_;
  std::string scratch_;
  std::function<void()> wake_;
  bool awake_ = false;
};

}  // namespace holdfast::node

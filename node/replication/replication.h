// What the commands ask of replication: REPLICAOF, ROLE, WAIT, INFO, REPLCONF, PSYNC and SYNC are thin over this.
//
// node/commands depends on this interface only; node/io holds the implementation (node_replication.h). Executor thread
// only. No call blocks, and none re-enters the command that called it: callbacks run from the event loop later.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/run_id.h"
#include "common/time/clock.h"
#include "node/keyspace/effect_sink.h"
#include "node/replication/config.h"

namespace holdfast::server {
class Session;  // passed through by reference only
}

namespace holdfast::node {

// The link of a replica to its primary, in ROLE's words.
enum class LinkState : uint8_t { none, connect, connecting, handshake, sync, connected };
std::string_view link_state_name(LinkState state);  // "none" "connect" "connecting" "handshake" "sync" "connected"

// One attached replica, as INFO lists it; ROLE lists those that are online.
struct ReplicaRow {
  std::string ip;
  uint16_t port = 0;
  std::string_view state;  // "wait_bgsave" "send_bulk" "online"
  int64_t offset = 0;      // last acknowledged
  int64_t lag_s = 0;       // seconds since the last acknowledgement
};

// ROLE: a primary answers ["master", offset, [[ip, port, offset]...]], a replica ["slave", host, port, state, offset].
struct RoleReport {
  bool replica = false;
  int64_t offset = 0;  // of a replica that has no history yet: -1
  std::vector<ReplicaRow> replicas;  // syncing ones as well
  Endpoint primary;
  LinkState link = LinkState::none;
};

struct ReplicationStats {
  uint64_t sync_full = 0;
  uint64_t sync_partial_ok = 0;
  uint64_t sync_partial_err = 0;
  uint64_t net_repl_input_bytes = 0;
  uint64_t net_repl_output_bytes = 0;
};

struct ReplicationMemory {
  uint64_t backlog_size = 0;   // repl-backlog-size
  uint64_t stream_bytes = 0;   // of the stream's chunks: the history, and what replicas still need of it
  bool attached = false;       // there are replicas; without any nothing is kept for them
  uint64_t payload_bytes = 0;  // of a full resync that is streamed
  uint64_t beyond_backlog() const {
    return payload_bytes + (attached && stream_bytes > backlog_size ? stream_bytes - backlog_size : 0);
  }
  uint64_t backlog() const { return payload_bytes + stream_bytes - beyond_backlog(); }
};

// What a client waits for in WAIT and WAITAOF.
struct AckTarget {
  int64_t offset = 0;       // of the stream, at so many replicas
  size_t replicas = 0;
  bool synced = false;      // and in the replicas' own append-only files, on their disks
  uint64_t log_offset = 0;  // of this node's append-only file, on its disk; 0: it does not matter
};

// What a command handler must still send. `none`: nothing (REPLCONF ACK), or the connection is now a replica's and
// replication writes to it.
struct ProtocolReply {
  enum class Kind : uint8_t { none, status, error };
  Kind kind = Kind::none;
  std::string text;  // status without '+', error with its code and without '-'
};

class Replication {
 public:
  using WaitToken = uint64_t;  // 0 is no wait

  virtual ~Replication() = default;

  virtual void configure(const ReplicationConfig& config) = 0;

  // The role, for dispatch: read-only check, stale-data policy, expiry rules.
  virtual bool is_replica() const = 0;
  virtual bool link_up() const = 0;  // this replica's link to its primary carries the live stream
  virtual Endpoint primary() const = 0;

  // REPLICAOF host port. The status to answer ("OK", or "OK Already connected to specified master"), or the error.
  virtual Result<std::string> replicaof(std::string_view host, uint16_t port) = 0;
  virtual void replicaof_no_one() = 0;

  // FAILOVER, with the arguments behind its name. REPLICAOF is refused while one is under way.
  virtual Result<> failover(std::span<const std::string_view> arguments) = 0;
  virtual bool failing_over() const = 0;

  virtual RoleReport role() const = 0;
  virtual std::string info() const = 0;  // the lines of INFO replication, each with CRLF, without the heading
  virtual ReplicationStats stats() const = 0;
  virtual void reset_stats() = 0;  // CONFIG RESETSTAT
  virtual ReplicationMemory memory() const = 0;

  // The stream. As a replica the sink drops what it is fed: the primary's own bytes are forwarded instead.
  virtual EffectSink& sink() = 0;
  virtual int64_t offset() const = 0;     // master_repl_offset; a client's WAIT needs its value after the client's last write
  virtual RunId replication_id() const = 0;
  // DEBUG CHANGE-REPL-ID: the history goes on under a new name, which nobody else has.
  virtual void change_id() = 0;
  // What a save writes into its aux fields (repl-stream-db, repl-id, repl-offset), or nothing when there is no history
  // worth keeping.
  struct SavedPosition {
    RunId id;
    int64_t offset = 0;
    int stream_db = 0;  // -1: not known
  };
  virtual std::optional<SavedPosition> saved_position() const = 0;

  // min-replicas-to-write: false = refuse writes with "NOREPLICAS Not enough good replicas to write.".
  virtual bool enough_good_replicas() const = 0;

  // WAIT, WAITAOF. `acked(offset)` is how many online replicas have acknowledged at least that offset, `acked_synced` how
  // many say that it is on their disks. `wait` asks the replicas for their offsets at once and calls `done` with the count
  // when all of the target is reached or `timeout` passes (no timeout: for ever), or when the append-only file that it
  // waits for is switched off. A replica role change ends all waits with `nullopt` (answer
  // "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)").
  virtual size_t acked(int64_t offset) const = 0;
  virtual size_t acked_synced(int64_t offset) const = 0;
  virtual WaitToken wait(const AckTarget& target, std::optional<Millis> timeout,
                         std::function<void(std::optional<size_t>)> done) = 0;
  virtual void cancel_wait(WaitToken token) = 0;  // the client went; `done` is not called

  // The append-only file is on the disk up to this offset; nothing: it is switched off.
  virtual void log_synced(std::optional<uint64_t> offset) = 0;

  // The replicas' side of the protocol. argv includes the command name. The arity is checked by the caller.
  virtual ProtocolReply replconf(server::Session& session, std::span<const std::string_view> argv) = 0;
  virtual ProtocolReply psync(server::Session& session, std::span<const std::string_view> argv) = 0;  // SYNC too
  virtual bool is_attached_replica(const server::Session& session) const = 0;
  virtual void session_closed(server::Session& session) = 0;  // call for every session; cheap for ordinary clients

  // PUBLISH __sentinel__:hello by a client: a primary that has been replaced may learn it by this.
  virtual void heard_hello(std::string_view message) = 0;

  // CLIENT KILL TYPE master: drops the link (it reconnects at once). False when there is none.
  virtual bool kill_primary_link() = 0;
};

}  // namespace holdfast::node

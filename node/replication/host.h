// What replication asks of the node that it serves: run the primary's commands, load a payload, make a snapshot.
//
// Implemented beside the node's wiring (node/io) and by a fake in tests. Executor thread only; every `done` is called
// from the event loop, never from inside the call that was given it.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "node/replication/replication.h"

namespace holdfast::node {

class ReplicationHost {
 public:
  virtual ~ReplicationHost() = default;

  // --- As a replica.
  // A fresh stream begins: this database is selected and no transaction is open.
  virtual void begin_primary_stream(int db) = 0;
  // One command of the primary's stream, SELECT, MULTI and EXEC included; argv is valid during the call. Replies are
  // dropped; the append-only file is fed as for any write; the replication sink drops it (the bytes are forwarded).
  virtual void execute_from_primary(std::span<const std::string_view> argv) = 0;
  // CLIENT PAUSE holds up the primary's stream as well: what has arrived waits for NodeReplication::pause_ended().
  virtual bool stream_paused() const { return false; }
  // The database that the primary's stream has selected.
  virtual int primary_stream_db() const = 0;
  // The offset of the stream up to which the append-only file is on the disk; nothing: it is off.
  virtual std::optional<int64_t> synced_offset() const { return std::nullopt; }
  // The primary waits for that: the file is to be synced now, where its policy has it synced at all.
  virtual void sync_log_soon() {}

  struct LoadedPayload {
    int stream_db = 0;  // repl-stream-db of the file, 0 when it has none
  };
  // Replaces the data set by this RDB file. The file is checked first (magic, version, CRC64 when it has one): an error
  // with `data_lost` false means that the old data set is still there. Clients are answered meanwhile: -LOADING, or from the
  // old data set where that is wanted and is an earlier state of the `same_history`.
  struct LoadError {
    std::string text;
    bool data_lost = false;
    bool refused = false;  // it has no keys, and this node does
  };
  struct LoadTerms {
    bool same_history = false;    // the payload is of the history that is here already
    bool only_with_keys = false;  // a file without any does not replace a data set that has some
  };
  virtual void load_payload(const std::string& path, LoadTerms terms,
                            std::function<void(std::expected<LoadedPayload, LoadError>)> done) = 0;

  // --- As a primary.
  virtual bool save_running() const = 0;  // any snapshot: only one runs at a time
  // Starts a snapshot of this instant with these aux fields into a new file / into a descriptor, which stays the
  // caller's (the snapshot has its own copy). At most one runs; an error means that none was started.
  virtual Result<> save_to_file(const std::string& path, const Replication::SavedPosition& position,
                                std::function<void(Result<>)> done) = 0;
  virtual Result<> save_to_descriptor(int descriptor, const Replication::SavedPosition& position,
                                      std::function<void(Result<>)> done) = 0;
  // Memory that the running snapshot keeps because clients have overwritten it.
  virtual uint64_t snapshot_held_bytes() const { return 0; }
  virtual void cancel_save() = 0;  // the running snapshot for replicas is of no use any more; `done` gets an error

  // FAILOVER: writes wait, whatever else pauses them or ends.
  virtual void pause_writes(bool on) = 0;

  // --- Both.
  virtual void role_changed(bool replica) = 0;  // log role letter, blocked clients, expiry mode
  // The replication identity that a restart must find changed (written to the append-only file's `#` lines).
  virtual void identity_changed(const Replication::SavedPosition& position) = 0;
};

}  // namespace holdfast::node

// When a snapshot for full resyncs starts, of which kind, and for whom. Pure.
//
// One snapshot serves all replicas that wait when it starts. Streamed ("diskless") snapshots cannot be joined later, so
// they wait `repl-diskless-sync-delay` for company; one into a file starts at once and may be joined while it runs, because
// the replication stream from its cut is held in the shared chunks anyway.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/time/clock.h"
#include "node/replication/config.h"

namespace holdfast::node {

class FullSyncScheduler {
 public:
  struct Start {
    bool diskless = false;
    std::vector<uint64_t> members;
  };

  void add(uint64_t id, bool eof_capable, Instant now) { waiting_[id] = {eof_capable, now}; }
  void remove(uint64_t id) { waiting_.erase(id); }
  bool empty() const { return waiting_.empty(); }

  // The snapshot to start now, if any; its members wait no more (add them again if it could not be started).
  std::optional<Start> poll(Instant now, const ReplicationConfig& config, bool save_running);
  // When to poll again for the sake of time alone.
  Instant deadline(const ReplicationConfig& config) const;

 private:
  struct Waiting {
    bool eof_capable = false;
    Instant since{};
  };
  bool diskless(const ReplicationConfig& config) const;
  Instant due(const ReplicationConfig& config) const;

  std::map<uint64_t, Waiting> waiting_;
};

}  // namespace holdfast::node

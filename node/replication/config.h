// The options that replication obeys, as plain values. node/options fills this from the registry at start and after each
// CONFIG SET; the machines of this folder read it and know nothing of where it came from.
#pragma once

#include <cstdint>
#include <string>

#include "common/time/clock.h"

namespace holdfast::node {

struct ReplicationConfig {
  // As a replica.
  std::string primary_user;      // masteruser; "" = authenticate with the password alone
  std::string primary_password;  // masterauth; "" = do not authenticate
  bool serve_stale_data = true;  // replica-serve-stale-data
  bool read_only = true;         // replica-read-only
  bool announced = true;         // replica-announced
  bool guard_empty_primary = false;  // replica-guard-empty-primary
  int priority = 100;            // replica-priority
  std::string announce_ip;       // replica-announce-ip
  uint16_t announce_port = 0;    // replica-announce-port; 0 = `port`
  uint16_t port = 6379;          // what we tell the primary unless announce_port says otherwise
  std::string bind_source;       // bind-source-addr; "" = any

  // As a primary.
  uint64_t backlog_size_bytes = 1024 * 1024;  // repl-backlog-size (at least 16 KB)
  uint64_t spill_limit_bytes = 16ull * 1024 * 1024 * 1024;  // repl-spill-limit; 0 = the stream stays in memory
  Seconds backlog_ttl{3600};                  // repl-backlog-ttl; 0 = kept for ever
  Seconds ping_period{10};                    // repl-ping-replica-period
  bool diskless_sync = true;                  // repl-diskless-sync
  Seconds diskless_delay{5};                  // repl-diskless-sync-delay
  int diskless_max_replicas = 0;              // repl-diskless-sync-max-replicas; 0 = no limit
  int min_replicas_to_write = 0;              // min-replicas-to-write; 0 = off
  Seconds min_replicas_max_lag{10};           // min-replicas-max-lag; 0 = off

  // Both.
  Seconds timeout{60};               // repl-timeout
  bool disable_tcp_nodelay = false;  // repl-disable-tcp-nodelay
  bool step_down_on_hello = true;    // step-down-on-hello

  // client-output-buffer-limit replica <hard> <soft> <seconds>; 0 = no limit
  uint64_t output_hard_limit_bytes = 256ull * 1024 * 1024;
  uint64_t output_soft_limit_bytes = 64ull * 1024 * 1024;
  Seconds output_soft_limit_period{60};

  std::string directory = ".";  // dir: where payloads are spooled
  // dbfilename, if a payload that was loaded becomes this node's own dump (repl-diskless-load, rdb-del-sync-files); "":
  // it is removed.
  std::string kept_payload;
};

}  // namespace holdfast::node

// From the options, as conf files and CONFIG SET have them, to the plain settings that the parts obey. Pure.
#pragma once

#include "common/server/server.h"
#include "node/background/compaction_policy.h"
#include "node/commands/config.h"
#include "node/options/node_options.h"
#include "node/persistence/aof_log.h"
#include "node/replication/config.h"

namespace holdfast::node {

NodeConfig node_config(const NodeOptions& options);
CompactionConfig compaction_config(const NodeOptions& options);
ReplicationConfig replication_config(const NodeOptions& options);
// Changes what options rule and leaves the rest.
void apply_server_settings(const NodeOptions& options, server::ServerSettings& settings);
// maxmemory-clients in bytes; 0: no limit.
uint64_t client_memory_limit(const NodeOptions& options);
FsyncPolicy fsync_policy(AppendFsync option);

}  // namespace holdfast::node

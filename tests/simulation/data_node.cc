#include "tests/simulation/data_node.h"

#include <fmt/format.h>

namespace holdfast::simulation {

std::string DataNode::info(Instant now) const {
  std::string text = fmt::format("# Server\r\nredis_version:7.0.15\r\nrun_id:{}\r\n# Replication\r\nrole:{}\r\n", run_id.view(),
                                 is_primary ? "master" : "slave");
  if (is_primary) {
    text += fmt::format("connected_slaves:{}\r\n", replicas_seen.size());
    for (size_t i = 0; i < replicas_seen.size(); ++i) {
      text += fmt::format("slave{}:ip={},port={},state=online,offset={},lag=0\r\n", i, replicas_seen[i].host,
                          replicas_seen[i].port, offset);
    }
  } else {
    text += fmt::format("master_host:{}\r\nmaster_port:{}\r\nmaster_link_status:{}\r\n", follows.host, follows.port,
                        link_up ? "up" : "down");
    if (!link_up) {
      text += fmt::format("master_link_down_since_seconds:{}\r\n", count_ms(now - link_down_since) / 1000);
    }
    text += fmt::format("slave_repl_offset:{}\r\nslave_priority:{}\r\n", offset, priority);
  }
  text +=
      fmt::format("master_replid:{}\r\nmaster_replid2:{}\r\nmaster_repl_offset:{}\r\nsecond_repl_offset:{}\r\n",
                  history.view(), previous_history.view(), offset, static_cast<int64_t>(fork) - (fork == 0 ? 1 : 0));
  text += fmt::format("aof_enabled:{}\r\nrdb_last_load_keys_loaded:{}\r\n# Keyspace\r\n", logs_writes ? 1 : 0,
                      logs_writes ? 0 : keys_loaded);
  if (keys > 0) text += fmt::format("db0:keys={},expires=0,avg_ttl=0\r\n", keys);
  return text;
}

void DataNode::begin_history(RandomSource& random, Instant now) {
  previous_history = history;
  fork = offset + 1;
  history = RunId::random(random);
  history_since = now;
}

void DataNode::restart(RandomSource& random, Instant now, bool from_log) {
  run_id = RunId::random(random);
  link_down_since = now;
  logs_writes = from_log;
  keys_loaded = keys;
  if (!is_primary) return;
  begin_history(random, now);
  if (!from_log && keys > 0) return;
  previous_history = RunId();
  fork = 0;
  if (emptied) restarted_empty = now;
}

void DataNode::lose_data(RandomSource& random, Instant now) {
  history = RunId::random(random);
  history_since = now;
  previous_history = RunId();
  fork = offset = keys = 0;
  emptied = true;
  foreign = false;
}

void DataNode::sync_from(const DataNode& source, Instant now) {
  if (history != source.history) {
    const bool continued = continues(source);
    previous_history = continued ? history : RunId();
    fork = continued ? offset + 1 : 0;
    history = source.history;
    history_since = now;
    foreign = source.foreign;
  }
  offset = source.offset;
  keys = source.keys;
  emptied = source.emptied;
  if (log != source.log) log = source.log;
}

sentinel::Reply DataNode::role() const {
  using sentinel::Reply;
  if (is_primary) {
    return Reply::array({Reply::bulk("master"), Reply::number(static_cast<int64_t>(offset)), Reply::array({})});
  }
  return Reply::array({Reply::bulk("slave"), Reply::bulk(follows.host), Reply::number(follows.port),
                       Reply::bulk(link_up ? "connected" : "connect"), Reply::number(static_cast<int64_t>(offset))});
}

std::vector<sentinel::Reply> DataNode::change_role(const Endpoint& target, RandomSource& random, Instant now) {
  using sentinel::Reply;
  Reply changed = Reply::status("OK");
  if (handing_over.phase != HandingOver::Phase::none) {
    changed = Reply::error("ERR REPLICAOF not allowed while failing over.");
  } else if (target.host.empty()) {
    if (!is_primary) begin_history(random, now);
    is_primary = true;
  } else if (is_primary || follows != target) {
    is_primary = false;
    follows = target;
    link_up = false;
    link_down_since = now;
  }
  save_role();
  const Reply queued = Reply::status("QUEUED");
  return {Reply::status("OK"),
          queued,
          queued,
          queued,
          queued,
          Reply::array({changed, Reply::status("OK"), Reply::number(0), Reply::number(0)}),
          role()};
}

}  // namespace holdfast::simulation

// MEMORY: what a key costs, where the memory goes.
#include "common/command/command_replies.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/memory_report.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {

void memory_usage(Call& call) {
  // Strings have no members to sample: any number of samples gives the same.
  for (size_t i = 3; i < call.argc(); i += 2) {
    if (!iequals(call.args[i], "SAMPLES") || i + 1 >= call.argc()) return call.reply.error(kSyntaxError);
    const auto samples = read_integer(call, call.args[i + 1]);
    if (!samples) return;
    if (*samples < 0) return call.reply.error(kSyntaxError);
  }
  const Entry* entry = call.keys.glance(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.null();
  // The slot in the table is about eight bytes and its share of the free ones.
  constexpr size_t kSlotBytes = 16;
  call.reply.integer(static_cast<int64_t>(entry->memory_bytes() + kSlotBytes));
}

void memory_stats(Call& call) {
  const MemoryReport report = memory_report(call.node, call.node.process().facts());
  auto& reply = call.reply;
  const auto number = [&](std::string_view name, int64_t value) { reply.bulk(name), reply.integer(value); };
  const auto bytes = [&](std::string_view name, uint64_t value) { number(name, static_cast<int64_t>(value)); };
  const auto decimal = [&](std::string_view name, double value) { reply.bulk(name), reply.real(value); };
  const auto difference = [&](std::string_view name, uint64_t a, uint64_t b) {
    number(name, static_cast<int64_t>(a) - static_cast<int64_t>(b));
  };
  reply.map(27 + report.databases.size());
  bytes("peak.allocated", report.peak);
  bytes("total.allocated", report.used);
  bytes("startup.allocated", report.startup);
  bytes("replication.backlog", report.backlog);
  bytes("clients.slaves", report.replica_clients);
  bytes("clients.normal", report.normal_clients);
  bytes("cluster.links", 0);
  bytes("aof.buffer", report.log_buffer);
  bytes("lua.caches", 0);
  bytes("functions.caches", 0);
  for (const MemoryReport::Database& database : report.databases) {
    reply.bulk(fmt::format("db.{}", database.index));
    reply.map(3);
    bytes("overhead.hashtable.main", database.table_bytes);
    bytes("overhead.hashtable.expires", 0);  // expiries lie in the entries
    bytes("overhead.hashtable.slot-to-keys", 0);
  }
  bytes("overhead.total", report.overhead);
  bytes("keys.count", report.keys);
  bytes("keys.bytes-per-key", report.bytes_per_key());
  bytes("dataset.bytes", report.dataset);
  decimal("dataset.percentage", report.dataset_percent());
  decimal("peak.percentage", report.peak_percent());
  bytes("allocator.allocated", report.allocated);
  bytes("allocator.active", report.active);
  bytes("allocator.resident", report.resident);
  decimal("allocator-fragmentation.ratio", memory_ratio(report.active, report.allocated));
  difference("allocator-fragmentation.bytes", report.active, report.allocated);
  decimal("allocator-rss.ratio", memory_ratio(report.resident, report.active));
  difference("allocator-rss.bytes", report.resident, report.active);
  decimal("rss-overhead.ratio", memory_ratio(report.rss, report.resident));
  difference("rss-overhead.bytes", report.rss, report.resident);
  decimal("fragmentation", memory_ratio(report.rss, report.used));
  difference("fragmentation.bytes", report.rss, report.used);
}

void memory_doctor(Call& call) {
  const ProcessFacts facts = call.node.process().facts();
  size_t clients = 0, replicas = 0;
  for (const auto& [id, connection] : call.server.connections()) {
    const server::Session* session = call.server.find(id);
    if (session != nullptr) ++(session->type == server::ClientType::replica ? replicas : clients);
  }
  call.reply.verbatim(memory_diagnosis(memory_report(call.node, facts), clients, replicas, facts.allocator));
}

void memory_malloc_stats(Call& call) { call.reply.verbatim(call.node.process().allocator_statistics()); }

void memory_purge(Call& call) {
  call.node.process().release_free_memory();
  call.reply.ok();
}

void memory_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "DOCTOR",
      "    Return memory problems reports.",
      "MALLOC-STATS",
      "    Return internal statistics report from the memory allocator.",
      "PURGE",
      "    Attempt to purge dirty pages for reclamation by the allocator.",
      "STATS",
      "    Return information about the memory usage of the server.",
      "USAGE <key> [SAMPLES <count>]",
      "    Return memory in bytes used by <key> and its value. Nested values are",
      "    sampled up to <count> times (default: 5, 0 means sample all).",
  };
  command::reply_help("MEMORY", kLines, call.reply);
}

}  // namespace holdfast::node::handlers

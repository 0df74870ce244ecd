#include "node/commands/memory_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "node/commands/node.h"

namespace holdfast::node {

double memory_ratio(uint64_t a, uint64_t b) { return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b); }

double MemoryReport::dataset_percent() const { return memory_ratio(dataset, beyond_startup()) * 100; }

double MemoryReport::peak_percent() const { return memory_ratio(used, peak) * 100; }

MemoryReport memory_report(Node& node, const ProcessFacts& facts) {
  MemoryReport report;
  report.used = node.process().used_memory();
  node.stats().note_used_memory(report.used);
  report.peak = node.stats().peak_allocated_bytes;
  report.startup = facts.startup_bytes;
  report.rss = facts.rss_bytes;
  report.allocated = facts.allocated_bytes;
  report.active = facts.active_bytes;
  report.resident = facts.resident_bytes;
  for (const auto& [id, connection] : node.server().connections()) {
    const server::Session* session = node.server().find(id);
    if (session == nullptr) continue;
    (session->type == server::ClientType::replica ? report.replica_clients : report.normal_clients) +=
        session->memory_bytes();
  }
  const ReplicationMemory replication = node.replication().memory();
  report.backlog = replication.backlog();
  report.replication_buffers = replication.backlog() + replication.beyond_backlog();
  report.replica_clients += replication.beyond_backlog();
  report.log_buffer = node.persistence().buffered_bytes();
  report.not_counted = report.log_buffer + replication.beyond_backlog();
  const Keyspace& keys = node.keys();
  report.overhead = report.startup + report.backlog + report.normal_clients + report.replica_clients + report.log_buffer;
  for (int db = 0; db < keys.database_count(); ++db) {
    if (keys.key_count(db) == 0) continue;
    report.keys += keys.key_count(db);
    report.databases.push_back({db, keys.index_bytes(db)});
    report.overhead += keys.index_bytes(db);
  }
  report.dataset = report.used > report.overhead ? report.used - report.overhead : 0;
  return report;
}

std::string memory_diagnosis(const MemoryReport& report, size_t clients, size_t replicas,
                             const std::string& allocator) {
  constexpr uint64_t kSmall = 5 << 20, kNoteworthy = 10 << 20;
  if (report.used < kSmall) {
    return "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these "
           "conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be "
           "back to our programming as soon as I finished rebooting.\n";
  }
  std::string issues;
  const auto wasteful = [&](uint64_t held, uint64_t needed, double ratio) {
    return memory_ratio(held, needed) > ratio && held - needed > kNoteworthy;
  };
  if (memory_ratio(report.peak, report.used) > 1.5) {
    issues +=
        " * Peak memory: In the past this instance used more than 150% the memory that is currently using. The allocator "
        "is normally not able to release memory after a peak, so you can expect to see a big fragmentation ratio, however "
        "this is actually harmless and is only due to the memory peak, and if the Redis instance Resident Set Size (RSS) "
        "is currently bigger than expected, the memory will be used as soon as you fill the Redis instance with more "
        "data. If the memory peak was only occasional and you want to try to reclaim memory, please try the MEMORY PURGE "
        "command, otherwise the only other option is to shutdown and restart the instance.\n\n";
  }
  if (wasteful(report.rss, report.used, 1.4)) {
    issues += fmt::format(
        " * High total RSS: This instance has a memory fragmentation and RSS overhead greater than 1.4 (this means that "
        "the Resident Set Size of the Redis process is much larger than the sum of the logical allocations Redis "
        "performed). This problem is usually due either to a large peak memory (check if there is a peak memory entry "
        "above in the report) or may result from a workload that causes the allocator to fragment memory a lot. If the "
        "problem is a large peak memory, then there is no issue. Otherwise, make sure you are using the Jemalloc "
        "allocator and not the default libc malloc. Note: The currently used allocator is \"{}\".\n\n",
        allocator);
  }
  if (wasteful(report.active, report.allocated, 1.1)) {
    issues +=
        " * High allocator fragmentation: The allocator's pages hold more than 1.1 times what is allocated in them. This "
        "follows a workload of keys of changing sizes; with 'activedefrag' on the memory is compacted by and by.\n\n";
  }
  if (wasteful(report.resident, report.active, 1.1)) {
    issues +=
        " * High allocator RSS overhead: The allocator keeps more than 1.1 times the pages that it uses, usually after a "
        "peak. The MEMORY PURGE command hands them back.\n\n";
  }
  if (wasteful(report.rss, report.resident, 1.1)) {
    issues +=
        " * High process RSS overhead: The process holds more than 1.1 times the memory of its allocator: memory of the "
        "program itself and of its threads.\n\n";
  }
  if (clients > 0 && report.normal_clients / clients > 200 * 1024) {
    issues +=
        " * Big client buffers: The buffers of the clients use on average more than 200 kb each. Clients that send large "
        "pipelines or read their replies too slowly (CLIENT LIST shows omem and qbuf) may be the cause.\n\n";
  }
  if (replicas > 0 && report.replica_clients / replicas > kNoteworthy) {
    issues +=
        " * Big replica buffers: The output waiting for replicas is on average more than 10 MB each. A replica may be too "
        "slow, or its link.\n\n";
  }
  if (issues.empty()) {
    return "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n";
  }
  return "Sam, I detected a few issues in this Redis instance memory implants:\n\n" + issues +
         "I'm here to keep you safe, Sam. I want to help you.\n";
}

}  // namespace holdfast::node

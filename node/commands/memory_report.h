// Where the memory goes: what INFO memory, MEMORY STATS and MEMORY DOCTOR are made of.
//
// Overhead is what is not data: the start's allocations, the tables of the keyspace, buffers of clients, of the log and
// of replication. The data set is the rest. Executor thread only; walks the clients.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/commands/process_control.h"

namespace holdfast::node {

class Node;

struct MemoryReport {
  struct Database {
    int index = 0;
    uint64_t table_bytes = 0;
  };

  uint64_t used = 0, peak = 0, startup = 0;
  uint64_t rss = 0, allocated = 0, active = 0, resident = 0;
  uint64_t backlog = 0, replication_buffers = 0;  // the second: with what replicas still need beyond the backlog
  uint64_t normal_clients = 0, replica_clients = 0;
  uint64_t log_buffer = 0;
  uint64_t not_counted = 0;  // by maxmemory
  std::vector<Database> databases;  // those that have keys
  uint64_t keys = 0;
  uint64_t overhead = 0, dataset = 0;

  uint64_t beyond_startup() const { return used > startup ? used - startup : 0; }
  uint64_t bytes_per_key() const { return keys == 0 ? 0 : beyond_startup() / keys; }
  double dataset_percent() const;
  double peak_percent() const;
};

MemoryReport memory_report(Node& node, const ProcessFacts& facts);

// What MEMORY DOCTOR says.
std::string memory_diagnosis(const MemoryReport& report, size_t clients, size_t replicas, const std::string& allocator);

// a / b, 0 where that is not defined.
double memory_ratio(uint64_t a, uint64_t b);

}  // namespace holdfast::node

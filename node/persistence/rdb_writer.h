// Writes a data set as an RDB file of version 10, which Redis 7.0 loads; of version 12 when elements of values expire,
// which older ones do not know.
//
// RdbWriter takes the entries one by one (a save that walks the table in slices feeds it so); save_rdb() writes a whole
// DataSource. The order is begin, then for each database select_db and its entries, then finish. After an error nothing
// more is written. One thread; no clock: the time of the AUX field comes in with the header.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/run_id.h"
#include "common/time/clock.h"
#include "node/keyspace/data_visitor.h"
#include "node/persistence/byte_stream.h"
#include "node/persistence/rdb_encoder.h"

namespace holdfast::node {

// Where in the replication stream a data set stands.
struct ReplicationPosition {
  RunId id;
  int64_t offset = 0;
  int stream_db = 0;  // database that the stream has selected; -1: none yet
  bool operator==(const ReplicationPosition&) const = default;
};

struct RdbHeader {
  WallTime created;
  uint64_t used_memory = 0;
  bool element_expiry = false;  // values with elements that expire may follow; save_rdb() finds out by itself
  bool aof_base = false;  // the file is, or begins, an append-only base
  std::optional<ReplicationPosition> replication;
};

class RdbWriter {
 public:
  RdbWriter(ByteSink& sink, RdbEncoder::Options options) : out_(sink, options) {}

  void begin(const RdbHeader& header);
  void aux(std::string_view name, std::string_view value);
  void select_db(int db, uint64_t keys, uint64_t expires);
  Result<> entry(std::string_view key, const Value& value, std::optional<WallTime> expires_at);
  Result<> finish();

  RdbEncoder& encoder() { return out_; }  // for an entry in pieces
  uint64_t bytes_written() const { return out_.bytes_put(); }

 private:
  RdbEncoder out_;
};

struct SaveStats {
  uint64_t keys = 0;
  uint64_t bytes = 0;
};

Result<SaveStats> save_rdb(const DataSource& source, ByteSink& sink, const RdbHeader& header,
                           RdbEncoder::Options options);

}  // namespace holdfast::node

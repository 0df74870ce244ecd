#include "node/persistence/rdb_writer.h"

#include "common/base/version.h"
#include "node/persistence/rdb_format.h"
#include "node/persistence/rdb_value.h"

namespace holdfast::node {

void RdbWriter::begin(const RdbHeader& header) {
  out_.put_bytes(rdb::kMagic);
  out_.put_bytes(fmt::format("{:04}", header.element_expiry ? rdb::kFieldExpiryVersion : rdb::kWriteVersion));
  aux(rdb::kAuxRedisVersion, kRedisVersion);
  aux(rdb::kAuxRedisBits, "64");
  aux(rdb::kAuxCreationTime, std::to_string(to_unix_ms(header.created) / 1000));
  aux(rdb::kAuxUsedMemory, std::to_string(header.used_memory));
  if (header.replication) {
    aux(rdb::kAuxReplStreamDb, std::to_string(header.replication->stream_db));
    aux(rdb::kAuxReplId, header.replication->id.view());
    aux(rdb::kAuxReplOffset, std::to_string(header.replication->offset));
  }
  aux(rdb::kAuxAofBase, header.aof_base ? "1" : "0");
}

void RdbWriter::aux(std::string_view name, std::string_view value) {
  out_.put_byte(rdb::kAux);
  out_.put_string(name);
  out_.put_string(value);
}

void RdbWriter::select_db(int db, uint64_t keys, uint64_t expires) {
  out_.put_byte(rdb::kSelectDb);
  out_.put_length(static_cast<uint64_t>(db));
  out_.put_byte(rdb::kResizeDb);
  out_.put_length(keys);
  out_.put_length(expires);
}

Result<> RdbWriter::entry(std::string_view key, const Value& value, std::optional<WallTime> expires_at) {
  if (expires_at) {
    out_.put_byte(rdb::kExpireTimeMs);
    out_.put_little_endian(static_cast<uint64_t>(to_unix_ms(*expires_at)), 8);
  }
  out_.put_byte(rdb_type_of(value));
  out_.put_string(key);
  write_rdb_value(out_, value);
  return out_.status();
}

Result<> RdbWriter::finish() {
  out_.put_byte(rdb::kEof);
  out_.put_checksum();
  return out_.status();
}

Result<SaveStats> save_rdb(const DataSource& source, ByteSink& sink, const RdbHeader& header,
                           RdbEncoder::Options options) {
  RdbWriter writer(sink, options);
  RdbHeader fitting = header;
  fitting.element_expiry = source.has_element_expiry();
  writer.begin(fitting);
  SaveStats stats;
  int selected = -1;
  auto done = source.for_each([&](const EntryView& entry) -> Result<> {
    if (entry.db != selected) {
      selected = entry.db;
      writer.select_db(selected, source.key_count(selected), source.expire_count(selected));
    }
    if (auto written = writer.entry(entry.key, entry.value, entry.expires_at); !written) return written;
    ++stats.keys;
    return {};
  });
  if (done) done = writer.finish();
  if (!done) return std::unexpected(std::move(done.error()));
  stats.bytes = writer.bytes_written();
  return stats;
}

}  // namespace holdfast::node

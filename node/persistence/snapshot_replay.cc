#include "node/persistence/snapshot_replay.h"

#include <algorithm>
#include <array>
#include <string>

#include "node/persistence/aof_format.h"
#include "node/persistence/aof_value_commands.h"
#include "node/persistence/rdb_encoder.h"
#include "node/persistence/rdb_format.h"
#include "node/persistence/rdb_writer.h"

namespace holdfast::node {

namespace {

// Long strings of up to this size are put together again, so that they can be compressed; others go as they come.
constexpr uint64_t kMostCompressed = 16 * 1024 * 1024;

class RdbReplay final : public SnapshotReplay {
 public:
  RdbReplay(ByteSink& sink, const SnapshotRequest& request, const std::vector<SnapshotWriter::DatabaseSize>& databases,
            const Progress& progress)
      : SnapshotReplay(progress), header_(request.header), databases_(databases), writer_(sink, request.encoding) {}

  void begin() override { writer_.begin(header_); }
  Result<> finish() override { return writer_.finish(); }
  uint64_t bytes_put() const override { return writer_.bytes_written(); }

 private:
  void on_database(int db) override {
    if (db == db_) return;
    db_ = db;
    const auto size = std::ranges::find(databases_, db, &SnapshotWriter::DatabaseSize::db);
    writer_.select_db(db, size->keys, size->expires);
  }
  void on_text(std::string_view key, std::string_view text, int64_t expires_ms) override {
    RdbEncoder& out = writer_.encoder();
    if (expires_ms != Entry::kNoExpiry) {
      out.put_byte(rdb::kExpireTimeMs);
      out.put_little_endian(static_cast<uint64_t>(expires_ms), 8);
    }
    out.put_byte(rdb::kTypeString);
    out.put_string(key);
    out.put_string(text);
    on_key_done();
  }
  void on_bytes(std::string_view bytes) override {
    if (missing_ == 0) return writer_.encoder().put_bytes(bytes);
    long_text_ += bytes;
    missing_ -= bytes.size();
    if (missing_ > 0) return;
    writer_.encoder().put_string(long_text_);
    std::string().swap(long_text_);
  }
  void on_string(std::string_view text) override { writer_.encoder().put_string(text); }
  void on_long_text(uint64_t bytes) override {
    if (bytes > kMostCompressed) return writer_.encoder().put_length(bytes);
    missing_ = bytes;
    long_text_.reserve(bytes);
  }
  Result<> status() const override { return status_with(writer_.encoder().status()); }

  const RdbHeader& header_;
  const std::vector<SnapshotWriter::DatabaseSize>& databases_;
  mutable RdbWriter writer_;
  int db_ = -1;
  std::string long_text_;
  uint64_t missing_ = 0;  // bytes of it that are still to come
};

class CommandReplay final : public SnapshotReplay {
 public:
  CommandReplay(ByteSink& sink, const SnapshotRequest& request, const Progress& progress)
      : SnapshotReplay(progress), header_(request.header), out_(sink) {}

  void begin() override {
    if (header_.replication) out_.put_raw(aof::format_replication(*header_.replication));
  }
  Result<> finish() override { return out_.flush(); }
  uint64_t bytes_put() const override { return out_.bytes_put(); }

 private:
  void on_database(int db) override {
    if (db == db_) return;
    db_ = db;
    const std::string number = std::to_string(db);
    out_.put(std::array<std::string_view, 2>{"SELECT", number});
  }
  void on_text(std::string_view key, std::string_view text, int64_t expires_ms) override {
    out_.put(std::array<std::string_view, 3>{"SET", key, text});
    if (expires_ms != Entry::kNoExpiry) {
      const std::string time = std::to_string(expires_ms);
      out_.put(std::array<std::string_view, 3>{"PEXPIREAT", key, time});
    }
    on_key_done();
  }
  void on_bytes(std::string_view bytes) override { out_.put_raw(bytes); }
  void on_string(std::string_view text) override { out_.put_raw(text); }  // of RDB only
  void on_long_text(uint64_t) override {}                                 // the same
  Result<> status() const override { return status_with(out_.status()); }

  const RdbHeader& header_;
  CommandOutput out_;
  int db_ = -1;
};

}  // namespace

std::unique_ptr<SnapshotReplay> SnapshotReplay::make(ByteSink& sink, const SnapshotRequest& request,
                                                     const std::vector<SnapshotWriter::DatabaseSize>& databases,
                                                     const Progress& progress) {
  if (request.format == SnapshotRequest::Format::commands) {
    return std::make_unique<CommandReplay>(sink, request, progress);
  }
  return std::make_unique<RdbReplay>(sink, request, databases, progress);
}

}  // namespace holdfast::node

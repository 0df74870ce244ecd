#include "node/persistence/snapshot_format.h"

#include <array>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "node/collections/list_object.h"
#include "node/collections/stream_object.h"
#include "node/persistence/aof_value_commands.h"
#include "node/persistence/rdb_format.h"
#include "node/persistence/rdb_value.h"

namespace holdfast::node {

namespace {

// --- RDB ---

void put_head(RecordStream& out, const KeyHead& head, uint8_t type) {
  if (head.expires_ms != Entry::kNoExpiry) {
    out.put_byte(rdb::kExpireTimeMs);
    out.put_little_endian(static_cast<uint64_t>(head.expires_ms), 8);
  }
  out.put_byte(type);
  out.put_string(head.key);
}

class RdbElements final : public ElementWriter {
 public:
  RdbElements(RecordStream& out, const TableHead& table) : out_(out), table_(table) {
    if (with_expiry()) out.put_little_endian(static_cast<uint64_t>(table.earliest_expiry_ms), 8);
    out.put_length(table.elements);
  }

  static uint8_t type_of(const TableHead& table) {
    if (table.type == ValueType::set) return rdb::kTypeSet;
    if (table.type == ValueType::zset) return rdb::kTypeZset2;
    return table.earliest_expiry_ms == Object::kNoElementExpiry ? rdb::kTypeHash : rdb::kTypeHashMetadata;
  }

  void element(const ElementView& element) override {
    if (with_expiry()) {
      const auto after = static_cast<uint64_t>(element.expires_ms - table_.earliest_expiry_ms);
      out_.put_length(element.expires_ms == Entry::kNoExpiry ? 0 : after + 1);
    }
    out_.put_string(element.name);
    if (table_.type == ValueType::hash) out_.put_string(element.value);
    if (table_.type == ValueType::zset) out_.put_little_endian(std::bit_cast<uint64_t>(element.score), 8);
  }
  void finish() override { out_.key_done(); }

 private:
  bool with_expiry() const { return table_.type == ValueType::hash && table_.earliest_expiry_ms != Object::kNoElementExpiry; }

  RecordStream& out_;
  const TableHead table_;
};

class RdbSnapshotFormat final : public SnapshotFormat {
 public:
  void object(RecordStream& out, const KeyHead& head, const Value& value) const override {
    put_head(out, head, rdb_type_of(value));
    write_rdb_value(out, value);
    out.key_done();
  }
  std::unique_ptr<ElementWriter> elements(RecordStream& out, const KeyHead& head, const TableHead& table) const override {
    put_head(out, head, RdbElements::type_of(table));
    return std::make_unique<RdbElements>(out, table);
  }
  SlicedWrite sequence(RecordStream& out, KeyHead head, const Object& object) const override {
    const bool list = object.type() == ValueType::list;
    put_head(out, head, list ? rdb::kTypeQuicklist2 : rdb::kTypeStream2);
    SlicedWrite value = list ? write_rdb_list(out, static_cast<const ListObject&>(object))
                             : write_rdb_stream(out, static_cast<const StreamObject&>(object));
    while (value.resume()) co_await std::suspend_always();
    out.key_done();
  }
  void begin_text(RecordStream& out, const KeyHead& head, size_t bytes) const override {
    put_head(out, head, rdb::kTypeString);
    out.long_text(bytes);
  }
  void end_text(RecordStream& out, const KeyHead&) const override { out.key_done(); }
};

// --- Commands ---

class RecordSink final : public ByteSink {
 public:
  explicit RecordSink(RecordStream& out) : out_(out) {}
  Result<> write(std::string_view bytes) override {
    out_.put_bytes(bytes);
    return {};
  }

 private:
  RecordStream& out_;
};

void put_expiry(CommandOutput& commands, const KeyHead& head) {
  if (head.expires_ms == Entry::kNoExpiry) return;
  const std::string time = std::to_string(head.expires_ms);
  commands.put(std::array<std::string_view, 3>{"PEXPIREAT", head.key, time});
}

class CommandElements final : public ElementWriter {
 public:
  CommandElements(RecordStream& out, const KeyHead& head, const TableHead& table)
      : out_(out), sink_(out), commands_(sink_), head_(head), type_(table.type),
        batch_(commands_, name_of(table.type), head.key, table.elements) {}

  void element(const ElementView& element) override {
    if (type_ == ValueType::set) return batch_.add<1>({element.name});
    if (type_ == ValueType::hash) {
      batch_.add<2>({element.name, element.value});
      if (element.expires_ms != Entry::kNoExpiry) expiring_.emplace_back(element.name, element.expires_ms);
      if (!batch_.open()) put_field_expiries();
      return;
    }
    char text[kDoubleChars];
    const char* end = write_double(text, element.score);
    batch_.add<2>({std::string_view(text, static_cast<size_t>(end - text)), element.name});
  }
  void finish() override {
    put_expiry(commands_, head_);
    (void)commands_.flush();
    out_.key_done();
  }

 private:
  static std::string_view name_of(ValueType type) {
    return type == ValueType::set ? "SADD" : type == ValueType::zset ? "ZADD" : "HMSET";
  }
  void put_field_expiries() {
    for (const auto& [field, expires_ms] : expiring_) {
      const std::string time = std::to_string(expires_ms);
      commands_.put(std::array<std::string_view, 6>{"HPEXPIREAT", head_.key, time, "FIELDS", "1", field});
    }
    expiring_.clear();
  }

  RecordStream& out_;
  RecordSink sink_;
  CommandOutput commands_;
  const KeyHead head_;
  const ValueType type_;
  CommandBatch batch_;
  std::vector<std::pair<std::string, int64_t>> expiring_;  // fields of the command that is being written
};

class CommandSnapshotFormat final : public SnapshotFormat {
 public:
  void object(RecordStream& out, const KeyHead& head, const Value& value) const override {
    RecordSink sink(out);
    CommandOutput commands(sink);
    put_value_commands(commands, head.key, value);
    put_expiry(commands, head);
    (void)commands.flush();
    out.key_done();
  }
  std::unique_ptr<ElementWriter> elements(RecordStream& out, const KeyHead& head, const TableHead& table) const override {
    return std::make_unique<CommandElements>(out, head, table);
  }
  SlicedWrite sequence(RecordStream& out, KeyHead head, const Object& object) const override {
    RecordSink sink(out);
    CommandOutput commands(sink);
    SlicedWrite value = put_sequence_commands(commands, head.key, object);
    while (value.resume()) co_await std::suspend_always();
    put_expiry(commands, head);
    (void)commands.flush();
    out.key_done();
  }
  void begin_text(RecordStream& out, const KeyHead& head, size_t bytes) const override {
    out.put_bytes(fmt::format("*3\r\n$3\r\nSET\r\n${}\r\n", head.key.size()));
    out.put_bytes(head.key);
    out.put_bytes(fmt::format("\r\n${}\r\n", bytes));
  }
  void end_text(RecordStream& out, const KeyHead& head) const override {
    out.put_bytes("\r\n");
    RecordSink sink(out);
    CommandOutput commands(sink);
    put_expiry(commands, head);
    (void)commands.flush();
    out.key_done();
  }
};

}  // namespace

std::unique_ptr<SnapshotFormat> SnapshotFormat::rdb() { return std::make_unique<RdbSnapshotFormat>(); }
std::unique_ptr<SnapshotFormat> SnapshotFormat::commands() { return std::make_unique<CommandSnapshotFormat>(); }

}  // namespace holdfast::node

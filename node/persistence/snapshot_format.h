// How the keys of a snapshot are put into records: as RDB, or as commands (the base of an append-only file when
// aof-use-rdb-preamble is off). Keys with short strings are the same in both: their records say all. Executor thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "node/keyspace/entry.h"
#include "node/persistence/record_stream.h"
#include "node/persistence/sliced_write.h"
#include "node/types/object.h"

namespace holdfast::node {

struct KeyHead {
  std::string_view key;
  int64_t expires_ms = Entry::kNoExpiry;
};

// What is known of a value with a table before its elements come.
struct TableHead {
  ValueType type;
  size_t elements;
  int64_t earliest_expiry_ms;  // among them; Object::kNoElementExpiry: none has one
};

struct ElementView {
  std::string_view name;   // member or field
  std::string_view value;  // of a field
  double score = 0;        // of a sorted set's member
  int64_t expires_ms = Entry::kNoExpiry;
};

// Takes as many elements as the head said, in any order.
class ElementWriter {
 public:
  virtual ~ElementWriter() = default;
  virtual void element(const ElementView& element) = 0;
  virtual void finish() = 0;
};

class SnapshotFormat {
 public:
  static std::unique_ptr<SnapshotFormat> rdb();
  static std::unique_ptr<SnapshotFormat> commands();

  virtual ~SnapshotFormat() = default;
  // A value with elements, whole.
  virtual void object(RecordStream& out, const KeyHead& head, const Value& value) const = 0;
  // The same in pieces: between the first and the last nothing else may go into `out`. The key's bytes and the object must
  // outlive the result.
  virtual std::unique_ptr<ElementWriter> elements(RecordStream& out, const KeyHead& head, const TableHead& table) const = 0;
  virtual SlicedWrite sequence(RecordStream& out, KeyHead head, const Object& object) const = 0;
  // A long string: what comes between goes with put_bytes().
  virtual void begin_text(RecordStream& out, const KeyHead& head, size_t bytes) const = 0;
  virtual void end_text(RecordStream& out, const KeyHead& head) const = 0;
};

}  // namespace holdfast::node

// One large value of a snapshot: written in pieces, exact as of the snapshot's instant (see snapshot_cut.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "node/keyspace/dict.h"
#include "node/keyspace/reclaimer.h"
#include "node/keyspace/table_cut.h"
#include "node/persistence/record_stream.h"
#include "node/persistence/snapshot_format.h"

namespace holdfast::node {

class LargeValue {
 public:
  virtual ~LargeValue() = default;
  int db() const { return db_; }
  // Writes the first piece, then one for each call (some 64 KB, elements whole); false: that was the last.
  virtual bool write(RecordStream& out, const SnapshotFormat& format) = 0;
  // Bytes that it holds of what has changed since the instant.
  virtual size_t held_bytes() const { return 0; }
  // The entry of a long string that is written from where it lies; null: none.
  virtual const Entry* living() const { return nullptr; }
  // That entry is about to change; `text` as in TableCut::preserve.
  virtual void leave(std::string* text) { (void)text; }
  // It is written, or of no more use: hands what is worth it to the reclaimer.
  virtual void dispose(Reclaimer& reclaimer) { (void)reclaimer; }

 protected:
  LargeValue(int db, std::string_view key, int64_t expires_ms) : db_(db), key_(key), expires_ms_(expires_ms) {}
  KeyHead head() const { return {key_, expires_ms_}; }

 private:
  const int db_;
  const std::string key_;
  const int64_t expires_ms_;
};

// A string: a copy, one taken over, or (of `entry`) where it lies.
std::unique_ptr<LargeValue> make_large_text(int db, const Entry& entry, std::string text);
std::unique_ptr<LargeValue> make_living_text(int db, const Entry& entry, std::string_view text);
// A value with a table: its cut begins now.
std::unique_ptr<LargeValue> make_large_table(int db, const Entry& entry, Object& object);
// A list or a stream: a clone is taken now.
// `going`: the value itself is about to go.
std::unique_ptr<LargeValue> make_large_sequence(int db, const Entry& entry, bool going);

}  // namespace holdfast::node

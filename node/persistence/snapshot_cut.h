// The data set of one instant, put into records while it goes on changing.
//
// begin_cut() on every table fixes the instant at no cost. step() then walks the tables a slice at a time; a write that
// comes before the walk hands over what it is about to change (TableCut). Where the pieces go:
//
//   small keys      one record each, at once
//   large values    one after the other, in pieces; while one is open, small keys wait aside
//     long strings       copied in pieces; one that is removed meanwhile is taken over, not copied
//     hashes, sets,
//     sorted sets        their table is walked as the keyspace's is; elements that change before their value is open wait
//                        with it
//     lists, streams     a clone, which shares the blocks, is walked
//
// A table that is emptied or destroyed meanwhile (FLUSHALL, DEL, overwriting) becomes the cut's own. Executor thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "node/keyspace/keyspace.h"
#include "node/keyspace/table_cut.h"
#include "node/persistence/record_stream.h"
#include "node/persistence/snapshot_format.h"

namespace holdfast::node {

class LargeValue;

class SnapshotCut {
 public:
  // The instant is now. The keyspace outlives this.
  SnapshotCut(Keyspace& keys, std::unique_ptr<SnapshotFormat> format);
  // Abandons what is not done.
  ~SnapshotCut();
  SnapshotCut(const SnapshotCut&) = delete;
  SnapshotCut& operator=(const SnapshotCut&) = delete;

  // Goes on until `until`, or until out() has `room` full chunks. True: everything is in out().
  bool step(const Clock& clock, Instant until, size_t room);
  RecordStream& out() { return out_; }

  // Bytes of memory that hold what changed before it was written.
  size_t held_bytes() const;
  // Of all keys and elements that were handed over by writes so far: bytes.
  uint64_t preserved_bytes() const { return preserved_bytes_; }

 private:
  friend class LargeValue;
  // The cut of a database's table.
  class Database final : public TableCut {
   public:
    Database(SnapshotCut& cut, Dict& table, int db) : cut_(cut), table_(&table), db_(db) { table.begin_cut(*this); }
    void preserve(Entry& entry, std::string* text, bool going) override { cut_.preserve(db_, entry, text, going); }
    void moved(Dict& table) override { table_ = &table; }
    void adopt(Dict&& table) override { own_.emplace(std::move(table)); }

    SnapshotCut& cut_;
    Dict* table_;
    int db_;  // at the instant
    std::optional<Dict> own_;
    uint64_t cursor_ = 0;
  };

  void preserve(int db, Entry& entry, std::string* text, bool going);
  // Puts an entry into records, or into the queue of large values. False: it is a long string, which stays where it is
  // until it is written.
  bool record(int db, Entry& entry);
  void record_text(int db, const Entry& entry, std::string_view text);
  void record_object(int db, Entry& entry, bool going);
  void queue(std::unique_ptr<LargeValue> value);
  void finish();
  RecordStream& stream() { return open_ ? aside_ : out_; }
  void step_large();
  void step_database(const Clock& clock, Instant until, size_t room);
  bool in_time(const Clock& clock, Instant until, size_t room);

  Keyspace& keys_;
  const std::unique_ptr<SnapshotFormat> format_;
  RecordStream out_, aside_;
  std::deque<std::unique_ptr<Database>> databases_;
  size_t current_ = 0;  // the database that is walked
  std::deque<std::unique_ptr<LargeValue>> large_;
  bool open_ = false;           // the first of these has begun
  LargeValue* living_ = nullptr;  // the one among them that is written from where it lies, if there is one
  size_t held_large_ = 0;         // bytes that they hold, as of the last step or somewhat less
  uint64_t preserved_bytes_ = 0;
  unsigned visits_ = 0;
  size_t looked_at_bytes_ = 0;  // of out_, when the clock was read last
};

}  // namespace holdfast::node

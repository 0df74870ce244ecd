// The data set: the numbered databases, their keys and expiries. The one place where data changes.
//
// Executor thread only. The keyspace knows nothing of commands, RESP, replication or files: who must hear of a change
// is the KeyspaceObserver (WATCH, the expiry's DEL, snapshots). No clock is read: begin() gives the time at which the
// following calls happen, once per command, so that one command sees one instant.
//
// Expiry is in wall time to the millisecond: a key is expired when now > expiry. What an access to an expired key does:
//   remove  (a primary)             the key is deleted, expired() tells the observer, the access misses;
//   hide    (a replica, a pause)    the access misses, the key stays until the primary's DEL;
//   ignore  (loading, the primary's stream)  the key is there.
//
// Invariants: every mutator calls before_change with the old entry before anything changes, and touched after; dirty()
// grows by the number of changed keys (an expiry's removal does not count, as in Redis); each database's queue holds
// exactly the keys whose values have elements that expire, under the earliest of these. Entry pointers, and values
// that borrow from an entry, are valid until the next mutator or the next look-up (which may expire a key). A step of
// compaction is no change: it tells nobody, but entries move.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/time/clock.h"
#include "node/keyspace/access.h"
#include "node/keyspace/data_visitor.h"
#include "node/keyspace/dict.h"
#include "node/keyspace/element_expiry_queue.h"
#include "node/keyspace/entry_batch.h"
#include "node/keyspace/reclaimer.h"
#include "node/types/value.h"

namespace holdfast::node {

enum class ExpiryMode : uint8_t { remove, hide, ignore };

class KeyspaceObserver {
 public:
  virtual ~KeyspaceObserver() = default;
  // The key is about to be created (`before` is null), changed, or deleted.
  virtual void before_change(int db, std::string_view key, const Entry* before) = 0;
  // The key has changed (WATCH).
  virtual void touched(int db, std::string_view key) = 0;
  // The key has been found expired and is about to be deleted (the DEL for the log and the replicas).
  virtual void expired(int db, std::string_view key) = 0;
  // These fields of the key were found expired and have been deleted; with the last of them the key has `gone`.
  virtual void elements_expired(int db, std::string_view key, std::span<const std::string> fields, bool gone) {
    (void)db, (void)key, (void)fields, (void)gone;
  }
  // A read found no such key.
  virtual void missed(int db, std::string_view key) { (void)db, (void)key; }
  // The whole database is about to be emptied (before_change is not called for each key).
  virtual void before_flush(int db) = 0;
  // Two databases are about to change places.
  virtual void before_swap(int a, int b) = 0;
};

struct KeyspaceStats {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t expired_keys = 0;
  uint64_t evicted_keys = 0;
  double expired_stale_percent = 0;  // INFO's running estimate of expired keys not yet deleted
  uint64_t expired_time_cap_reached = 0;
};

class Keyspace final : public DataSource, public DataLoader {
 public:
  Keyspace(int databases, RandomSource& random);
  ~Keyspace() override;

  void set_observer(KeyspaceObserver* observer) { observer_ = observer; }  // null: none
  // Who frees what is freed lazily; null: everything is freed here and now.
  void set_reclaimer(Reclaimer* reclaimer) { reclaimer_ = reclaimer; }
  const Reclaimer* reclaimer() const { return reclaimer_; }
  Reclaimer* reclaimer() { return reclaimer_; }
  // Whether an expired key, and a value that is overwritten, are freed lazily.
  struct LazyFree {
    bool expired = false;
    bool overwritten = false;
  };
  void set_lazy_free(LazyFree lazy) { lazy_ = lazy; }
  void begin(WallTime now, ExpiryMode mode) {
    now_ = now, mode_ = mode;
    last_use_ = Access::at(to_unix_ms(now));
  }
  WallTime now() const { return now_; }
  // What the accesses from now on leave behind in the entries.
  void set_access_rules(const AccessRules& rules) { rules_ = rules; }
  const AccessRules& access_rules() const { return rules_; }
  // Whether look-ups mark the access at all (CLIENT NO-TOUCH). A new or another value is marked all the same. Returns what
  // it was before.
  bool set_marking(bool on) { return std::exchange(marking_, on); }

  // --- Look-ups ---
  // For commands that read: counts a hit or miss and marks the access; `glance` (TTL, TYPE) does not mark it.
  // `inspect` (OBJECT) is a glance whose misses nobody is told of.
  const Entry* read(int db, std::string_view key);
  const Entry* glance(int db, std::string_view key);
  const Entry* inspect(int db, std::string_view key);
  // For commands that read before they write: marks the access, counts nothing. `peek` does neither.
  const Entry* find(int db, std::string_view key);
  const Entry* peek(int db, std::string_view key);
  // A find() that says where the key lies, for change_object(); no entry: there is no such key. Valid until the table
  // changes.
  Dict::Place find_place(int db, std::string_view key);
  bool is_expired(const Entry& entry) const;
  // Present in the table, whatever its expiry says; changes nothing.
  const Entry* find_raw(int db, std::string_view key) const;

  // --- Changes ---
  enum class Expiry : uint8_t { clear, keep };
  // Creates or overwrites. (An expired key is found expired first, as by a look-up.)
  void set(int db, std::string_view key, Value&& value, Expiry expiry = Expiry::clear);
  void set(int db, std::string_view key, Value&& value, WallTime expires_at);
  // A new value for a present key: its expiry and access stay.
  void replace(int db, const Entry& entry, Value&& value);
  // Calls `change` with the string of a present key for change in place (an integer becomes its text first); to be
  // used only when it will change. Returns the new length.
  template <class Change>
  size_t change_bytes(int db, const Entry& entry, Change&& change) {
    Dict& dict = databases_[db].dict;
    const Dict::Place place = dict.locate(entry.key());
    before(db, entry.key(), place.entry);
    size_t length = 0;
    const Entry& changed = dict.change_bytes(place, [&](std::string& bytes) {
      change(bytes);
      length = bytes.size();
    });
    ++changes_;
    after(db, changed.key());
    return length;
  }
  // A new key with an object that is not empty; counts as so many changes. The key must be absent.
  void add_object(int db, std::string_view key, std::unique_ptr<Object> object, size_t changes);
  // Calls `change` with the object of a present key for change in place: it returns how many changes it made (0: nothing
  // is told to anybody). An object that is left empty goes, key and all.
  struct ObjectChange {
    size_t changes = 0;
    bool gone = false;  // the key with it
  };
  // `Type` is the object's own class, if it is known: what it says of itself costs less then.
  template <class Type = Object, class Change>
  ObjectChange change_object(int db, const Dict::Place& place, Change&& change) {
    Database& database = databases_[db];
    before(db, place.entry->key(), place.entry);
    size_t changes = 0;
    bool gone = false;
    database.dict.change_object<Type>(place, [&](Type& object) {
      const int64_t next_expiry = object.next_expiry_ms();
      changes = change(object);
      gone = object.size() == 0 && object.gone();
      if (object.next_expiry_ms() != next_expiry) {
        database.expiring_elements.move(place.entry->key(), next_expiry, object.next_expiry_ms());
      }
    });
    changes_ += static_cast<int64_t>(changes);
    if (gone) {
      const EntryPtr empty = database.dict.release(place);
      after(db, empty->key());
    } else if (changes > 0) {
      after(db, place.entry->key());
    }
    return {changes, gone};
  }
  // Deletes fields that have expired: `change(Object&)` does it and returns them. It counts as no change, as with keys.
  template <class Change>
  ObjectChange expire_elements(int db, const Dict::Place& place, Change&& change) {
    const std::string key(place.entry->key());
    std::vector<std::string> fields;
    const ObjectChange done = change_object(db, place, [&](Object& object) {
      fields = change(object);
      return fields.size();
    });
    changes_ -= static_cast<int64_t>(done.changes);
    if (!fields.empty() && observer_ != nullptr) observer_->elements_expired(db, key, fields, done.gone);
    return done;
  }
  // Elements that expired before this instant (unix milliseconds) are not there for the command being executed.
  int64_t hidden_before_ms() const { return mode_ == ExpiryMode::ignore ? INT64_MIN : to_unix_ms(now_); }
  // Whether they are to be deleted where they are met.
  bool removes_expired() const { return mode_ == ExpiryMode::remove; }
  // The same string in the encoding that changes in place leave behind; nobody needs to be told.
  void make_raw(int db, const Entry& entry);
  bool set_expiry(int db, std::string_view key, std::optional<WallTime> expires_at);
  // `lazily`: what is worth it is handed to the reclaimer instead of being freed before the return.
  enum class Free : uint8_t { now, lazily };
  bool erase(int db, std::string_view key, Free how = Free::now);
  // `from` must be present; a present target is replaced. The expiry goes along.
  void rename(int db, std::string_view from, std::string_view to);
  // The key must be present in `from_db` and absent in `to_db`.
  void move(int from_db, std::string_view key, int to_db);
  void swap(int a, int b);
  // What a present key was before it came here (RESTORE, a dump); what is not tracked now is passed over.
  void set_idle(int db, std::string_view key, int64_t seconds);
  void set_frequency(int db, std::string_view key, uint8_t counter);
  // Removes a present key to win memory: counted as evicted, not as a change.
  void evict(int db, std::string_view key, Free how = Free::now);
  // Returns the number of keys that went. (db -1: all.)
  size_t flush(int db, Free how = Free::now);

  // --- Walking ---
  uint64_t scan(int db, uint64_t cursor, const std::function<void(const Entry&)>& visit) const;
  void for_each_key(int db, const std::function<void(const Entry&)>& visit) const;
  const Entry* random_key(int db, RandomSource& random);
  // Visits about `count` entries (only such with an expiry, if wanted) from a random place on, expired ones too; fewer
  // when there are fewer. Each costs about one cache line.
  void sample(int db, size_t count, bool expiring_only, RandomSource& random,
              const std::function<void(const Entry&)>& visit) const {
    databases_[db].dict.sample(random, count, expiring_only, visit);
  }

  DictStatistics table_statistics(int db) const { return databases_[db].dict.statistics(); }
  void set_shrinking(bool on) {
    for (Database& database : databases_) database.dict.set_shrinking(on);
  }

  // --- Batches of look-ups (a pipeline's keys): all hashes, then all buckets, then all entries, then the commands ---
  uint64_t key_hash(int db, std::string_view key) const { return databases_[db].dict.hash(key); }
  const Bucket* prefetch_bucket(int db, uint64_t hash) const { return databases_[db].dict.prefetch_bucket(hash); }
  static const Entry* prefetch_entry(const Bucket* bucket, uint64_t hash) { return Dict::prefetch_entry(bucket, hash); }
  const Entry* prefetch_displaced(int db, uint64_t hash) const { return databases_[db].dict.prefetch_displaced(hash); }
  // Whether hashes are still the same: a database has another table after SWAPDB.
  uint64_t seed_mark(int db) const { return databases_[db].dict.seed_mark(); }
  // Spares the next look-ups of this key the hash that the batch has found: until forget_hash, before its bytes move.
  void know_hash(int db, std::string_view key, uint64_t hash) { databases_[db].dict.know_hash(key, hash); }
  void forget_hash(int db) { databases_[db].dict.forget_hash(); }
  // All of it for up to kPrefetch keys, every `step`th of the words.
  static constexpr size_t kPrefetch = 32;
  void prefetch(int db, std::span<const std::string_view> words, size_t step = 1) const;

  // The table of a database, for a snapshot's cut.
  Dict& table(int db) { return databases_[db].dict; }

  // --- Counters ---
  // Bytes of keys, values, expiries and the table, in the allocator's size classes; kept up to date, not walked.
  size_t memory_bytes(int db) const { return databases_[db].dict.memory_bytes(); }
  size_t index_bytes(int db) const { return databases_[db].dict.index_bytes(); }  // of the table alone
  // Changes since the start; never falls.
  int64_t changes() const { return changes_; }
  // Changes since the last save.
  int64_t dirty() const { return changes_ - saved_changes_; }
  // Saved: the count restarts from what changed since.
  void set_dirty(int64_t dirty) { saved_changes_ = changes_ - dirty; }
  void add_dirty(int64_t changes) { changes_ += changes; }
  const KeyspaceStats& stats() const { return stats_; }
  void reset_stats();
  // Estimated milliseconds a key with an expiry has left, from the active cycle's samples; 0 when unknown.
  int64_t average_ttl_ms(int db) const;

  // --- Background work: see expiry_cycle.h for the first; both are bounded to a few dozen keys ---
  struct ExpirySample {
    size_t seen = 0;  // keys that have an expiry
    size_t gone = 0;  // of these: expired, and deleted
    double ttl_sum_ms = 0;
    bool end = false;  // the walk has come to the end of the table, or nothing in it expires
  };
  // Goes on through the keys of `db` that have an expiry, until it has seen `keys` or made `steps` steps of the walk.
  ExpirySample expire_some(int db, size_t keys, size_t steps);
  void note_average_ttl(int db, double average_ms);
  // Of a whole cycle.
  void note_expiry_cycle(size_t seen, size_t gone, bool out_of_time);
  // Deletes up to `most` expired fields of hashes, the earliest first. True: there may be more.
  bool expire_elements_some(size_t most);
  bool elements_due() const;
  // The next step of the walk that moves blocks out of sparse memory. True: it has come round all databases.
  bool compact(BlockMover& mover, CompactionCount& count);

  // --- DataSource, DataLoader ---
  size_t key_count(int db) const override { return databases_[db].dict.size(); }
  size_t expire_count(int db) const override { return databases_[db].dict.expiring(); }
  int database_count() const override { return static_cast<int>(databases_.size()); }
  bool has_element_expiry() const override;
  Result<> for_each(const std::function<Result<>(const EntryView&)>& visit) const override;
  Result<> insert(int db, std::string_view key, Value value, std::optional<WallTime> expires_at) override;
  std::optional<EntryBatch::Rules> load_rules() const override;
  Result<> insert_batch(EntryBatch& batch) override;
  void end_load() override;
  // Changes content with another data set of as many databases. To be called on one that flush() has emptied, so that
  // everybody has been told of what went; what came is told here, as if it were about to be flushed.
  void exchange(Keyspace& other);

 private:
  struct Database {
    explicit Database(HashSeed seed) : dict(seed) {}
    Dict dict;
    ElementExpiryQueue expiring_elements;
    uint64_t expire_cursor = 0;   // the active expiry's place in the table
    uint64_t compact_cursor = 0;  // and the compaction's
    // Large values that it has met and not finished.
    std::vector<std::pair<std::string, CompactionCursor>> unfinished;
    int64_t average_ttl_ms = 0;
  };

  Entry* lookup(int db, std::string_view key);
  void mark_access(Entry& entry) {
    if (!marking_) return;
    entry.set_access(rules_.count_frequency ? entry.access().counted_again(to_unix_ms(now_), rules_, random_)
                                            : last_use_);
  }
  void mark_new(Entry& entry) { entry.set_access(Access::of_new_key(to_unix_ms(now_), rules_)); }
  // What becomes of an existing key's expiry is for `expires_ms` to say: kNoExpiry, a time, or kKeepExpiry.
  static constexpr int64_t kKeepExpiry = INT64_MIN + 1;
  void put(int db, std::string_view key, Value&& value, int64_t expires_ms);
  // Moves a present entry to an absent key.
  void relocate(Database& from, const Dict::Place& source, Database& to, std::string_view key);
  void remove_expired(int db, Entry& entry);
  void dispose(EntryPtr entry, Free how);
  // An entry with its value comes into, or goes out of the database.
  static void note_elements(Database& database, const Entry& entry) {
    if (entry.payload() == Entry::Payload::object) database.expiring_elements.add(entry.key(), entry.object()->next_expiry_ms());
  }
  static void forget_elements(Database& database, const Entry& entry) {
    if (database.expiring_elements.empty() || entry.payload() != Entry::Payload::object) return;
    database.expiring_elements.remove(entry.key(), entry.object()->next_expiry_ms());
  }
  void before(int db, std::string_view key, const Entry* entry);
  void after(int db, std::string_view key);

  std::vector<Database> databases_;
  KeyspaceObserver* observer_ = nullptr;
  Reclaimer* reclaimer_ = nullptr;
  LazyFree lazy_;
  WallTime now_{};
  ExpiryMode mode_ = ExpiryMode::remove;
  RandomSource& random_;
  AccessRules rules_;
  bool marking_ = true;
  Access last_use_{0};
  int64_t changes_ = 0;
  int64_t saved_changes_ = 0;
  int compact_db_ = 0;
  KeyspaceStats stats_;
};

}  // namespace holdfast::node

#include "node/keyspace/keyspace.h"

#include <algorithm>
#include <array>

#include "common/base/assert.h"

namespace holdfast::node {

Keyspace::Keyspace(int databases, RandomSource& random) : random_(random) {
  HOLDFAST_ASSERT(databases > 0);
  databases_.reserve(databases);
  for (int db = 0; db < databases; ++db) {
    const HashSeed seed{random.next(), random.next()};
    offer_collection_seed(seed);
    databases_.emplace_back(seed);
  }
}

Keyspace::~Keyspace() = default;

void Keyspace::before(int db, std::string_view key, const Entry* entry) {
  if (observer_ != nullptr) observer_->before_change(db, key, entry);
}

void Keyspace::after(int db, std::string_view key) {
  if (observer_ != nullptr) observer_->touched(db, key);
}

namespace {

// What is not freed lazily is handed over all the same when it would be felt.
constexpr size_t kStallingEffort = 1024;

}  // namespace

size_t free_effort(const Entry& entry) {
  constexpr size_t kBytesPerFree = 1024;  // a page in about the time of four small blocks
  if (entry.type() != ValueType::string) return 1 + entry.object()->effort();
  return 1 + entry.memory_bytes() / kBytesPerFree;
}

namespace {

// What is worth the reclaimer although nobody asked for it. A string is one block, so what counts are its pages: 16 MB.
size_t stalling_effort(const Entry& entry) {
  return entry.type() == ValueType::string ? 16 * kStallingEffort : kStallingEffort;
}

// For another thread: what a running snapshot still needs of its elements stays with that.
std::unique_ptr<Object> freed_from_cut(std::unique_ptr<Object> object) {
  if (Dict* table = object->table()) table->surrender();
  return object;
}

}  // namespace

void Keyspace::dispose(EntryPtr entry, Free how) {
  if (reclaimer_ == nullptr) return;
  const bool lazily = how == Free::lazily;
  if (free_effort(*entry) <= (lazily ? kLazyFreeEffort : stalling_effort(*entry))) return;
  if (entry->payload() != Entry::Payload::object) return reclaimer_->reclaim(std::move(entry), lazily);
  if (!entry->object()->shares()) reclaimer_->reclaim(freed_from_cut(entry->take_value().take_object()), lazily);
}

void Keyspace::reset_stats() {
  stats_ = {};
  if (reclaimer_ != nullptr) reclaimer_->reset_freed_objects();
}

// --- Look-ups ---

bool Keyspace::is_expired(const Entry& entry) const {
  return entry.has_expiry() && mode_ != ExpiryMode::ignore && to_unix_ms(now_) > entry.expires_ms();
}

Entry* Keyspace::lookup(int db, std::string_view key) {
  Entry* entry = databases_[db].dict.find(key);
  if (entry == nullptr || !is_expired(*entry)) return entry;
  if (mode_ == ExpiryMode::remove) remove_expired(db, *entry);
  return nullptr;
}

const Entry* Keyspace::inspect(int db, std::string_view key) {
  const Entry* entry = lookup(db, key);
  ++(entry == nullptr ? stats_.misses : stats_.hits);
  return entry;
}

const Entry* Keyspace::glance(int db, std::string_view key) {
  const Entry* entry = inspect(db, key);
  if (entry == nullptr && observer_ != nullptr) observer_->missed(db, key);
  return entry;
}

const Entry* Keyspace::read(int db, std::string_view key) {
  const Entry* entry = glance(db, key);
  if (entry != nullptr) mark_access(*const_cast<Entry*>(entry));
  return entry;
}

const Entry* Keyspace::find(int db, std::string_view key) {
  Entry* entry = lookup(db, key);
  if (entry != nullptr) mark_access(*entry);
  return entry;
}

Dict::Place Keyspace::find_place(int db, std::string_view key) {
  const Dict::Place place = databases_[db].dict.locate(key);
  if (place.entry == nullptr) return place;
  if (is_expired(*place.entry)) {
    if (mode_ == ExpiryMode::remove) remove_expired(db, *place.entry);
    return {.hash = place.hash};
  }
  mark_access(*place.entry);
  return place;
}

const Entry* Keyspace::peek(int db, std::string_view key) { return lookup(db, key); }

const Entry* Keyspace::find_raw(int db, std::string_view key) const { return databases_[db].dict.find(key); }

void Keyspace::remove_expired(int db, Entry& entry) {
  // The name outlives the entry: the observer is told before and after.
  const std::string key(entry.key());
  if (observer_ != nullptr) observer_->expired(db, key);
  before(db, key, &entry);
  forget_elements(databases_[db], entry);
  dispose(databases_[db].dict.release(databases_[db].dict.locate(key), Dict::Leaving::for_good), lazy_.expired ? Free::lazily : Free::now);
  ++stats_.expired_keys;
  after(db, key);
}

void Keyspace::prefetch(int db, std::span<const std::string_view> words, size_t step) const {
  std::array<uint64_t, kPrefetch> hashes;
  std::array<const Bucket*, kPrefetch> buckets;
  size_t count = 0;
  for (size_t i = 0; i < words.size() && count < kPrefetch; i += step) {
    hashes[count] = key_hash(db, words[i]);
    buckets[count] = prefetch_bucket(db, hashes[count]);
    ++count;
  }
  size_t displaced = 0;
  for (size_t i = 0; i < count; ++i) {
    if (prefetch_entry(buckets[i], hashes[i]) == nullptr && Dict::may_be_displaced(buckets[i])) {
      hashes[displaced++] = hashes[i];
    }
  }
  for (size_t i = 0; i < displaced; ++i) prefetch_displaced(db, hashes[i]);
}

// --- Changes ---

void Keyspace::put(int db, std::string_view key, Value&& value, int64_t expires_ms) {
  Dict& dict = databases_[db].dict;
  Dict::Place place = dict.locate(key);
  if (place.entry != nullptr && mode_ == ExpiryMode::remove && is_expired(*place.entry)) {
    remove_expired(db, *place.entry);
    place.entry = nullptr;
  }
  before(db, key, place.entry);
  Entry* entry;
  if (place.entry == nullptr) {
    entry = &dict.insert(place.hash, key, std::move(value), expires_ms == kKeepExpiry ? Entry::kNoExpiry : expires_ms);
    mark_new(*entry);
  } else {
    forget_elements(databases_[db], *place.entry);
    if (reclaimer_ != nullptr && place.entry->lies_beside() &&
        free_effort(*place.entry) > (lazy_.overwritten ? kLazyFreeEffort : stalling_effort(*place.entry))) {
      if (place.entry->payload() == Entry::Payload::object) {
        if (!place.entry->object()->shares()) {
          reclaimer_->reclaim(freed_from_cut(dict.take_object(place)), lazy_.overwritten);
        }
      } else {
        reclaimer_->reclaim(dict.take_text(place), lazy_.overwritten);
      }
    }
    entry = &dict.assign(place, std::move(value), expires_ms == kKeepExpiry ? place.entry->expires_ms() : expires_ms);
    if (marking_) {
      mark_access(*entry);
    } else if (!rules_.count_frequency) {
      entry->set_access(last_use_);
    }
  }
  note_elements(databases_[db], *entry);
  ++changes_;
  after(db, key);
}

void Keyspace::set(int db, std::string_view key, Value&& value, Expiry expiry) {
  put(db, key, std::move(value), expiry == Expiry::clear ? Entry::kNoExpiry : kKeepExpiry);
}

void Keyspace::set(int db, std::string_view key, Value&& value, WallTime expires_at) {
  put(db, key, std::move(value), std::max(to_unix_ms(expires_at), kKeepExpiry + 1));
}

void Keyspace::replace(int db, const Entry& entry, Value&& value) {
  Dict& dict = databases_[db].dict;
  const Dict::Place place = dict.locate(entry.key());
  before(db, entry.key(), place.entry);
  forget_elements(databases_[db], *place.entry);
  const Entry& changed = dict.assign(place, std::move(value), place.entry->expires_ms());
  note_elements(databases_[db], changed);
  ++changes_;
  after(db, changed.key());
}

void Keyspace::add_object(int db, std::string_view key, std::unique_ptr<Object> object, size_t changes) {
  Dict& dict = databases_[db].dict;
  if (mode_ == ExpiryMode::hide) {
    // An expired key that could not be deleted may be in the way: it has gone as far as the writer can see.
    if (const Dict::Place hidden = dict.locate(key); hidden.entry != nullptr) {
      forget_elements(databases_[db], *hidden.entry);
      dict.release(hidden, Dict::Leaving::for_good);
    }
  }
  before(db, key, nullptr);
  Entry& entry = dict.insert(dict.hash(key), key, Value::object(std::move(object)), Entry::kNoExpiry);
  mark_new(entry);
  note_elements(databases_[db], entry);
  changes_ += static_cast<int64_t>(changes);
  after(db, key);
}

void Keyspace::make_raw(int db, const Entry& entry) {
  if (entry.payload() != Entry::Payload::integer && entry.payload() != Entry::Payload::embedded) return;
  Value raw = entry.value().clone();
  raw.mutable_bytes();
  Dict& dict = databases_[db].dict;
  const Dict::Place place = dict.locate(entry.key());
  dict.assign(place, std::move(raw), place.entry->expires_ms());
}

bool Keyspace::set_expiry(int db, std::string_view key, std::optional<WallTime> expires_at) {
  Dict& dict = databases_[db].dict;
  const Dict::Place place = dict.locate(key);
  if (place.entry == nullptr || (!expires_at && !place.entry->has_expiry())) return false;
  before(db, key, place.entry);
  dict.set_expiry(place, expires_at ? std::max(to_unix_ms(*expires_at), kKeepExpiry + 1) : Entry::kNoExpiry);
  ++changes_;
  after(db, key);
  return true;
}

bool Keyspace::erase(int db, std::string_view key, Free how) {
  Dict& dict = databases_[db].dict;
  const Dict::Place place = dict.locate(key);
  if (place.entry == nullptr) return false;
  before(db, key, place.entry);
  forget_elements(databases_[db], *place.entry);
  EntryPtr gone = dict.release(place, Dict::Leaving::for_good);
  ++changes_;
  after(db, gone->key());
  dispose(std::move(gone), how);
  return true;
}

void Keyspace::relocate(Database& from, const Dict::Place& source, Database& to, std::string_view key) {
  const int64_t expires_ms = source.entry->expires_ms();
  forget_elements(from, *source.entry);
  const EntryPtr old = from.dict.release(source);
  const Access access = old->access();
  Entry& entry = to.dict.insert(to.dict.hash(key), key, old->take_value(), expires_ms);
  entry.set_access(access);
  note_elements(to, entry);
}

void Keyspace::rename(int db, std::string_view from, std::string_view to) {
  Dict& dict = databases_[db].dict;
  const Entry* source = dict.find(from);
  HOLDFAST_ASSERT(source != nullptr && from != to);
  before(db, from, source);
  const Dict::Place target = dict.locate(to);
  before(db, to, target.entry);
  if (target.entry != nullptr) {
    forget_elements(databases_[db], *target.entry);
    dispose(dict.release(target, Dict::Leaving::for_good), lazy_.overwritten ? Free::lazily : Free::now);
  }
  relocate(databases_[db], dict.locate(from), databases_[db], to);
  ++changes_;
  after(db, from);
  after(db, to);
}

void Keyspace::move(int from_db, std::string_view key, int to_db) {
  Dict& from = databases_[from_db].dict;
  Dict& to = databases_[to_db].dict;
  const Dict::Place source = from.locate(key);
  HOLDFAST_ASSERT(source.entry != nullptr && from_db != to_db && to.find(key) == nullptr);
  before(from_db, key, source.entry);
  before(to_db, key, nullptr);
  relocate(databases_[from_db], source, databases_[to_db], key);
  ++changes_;
  after(from_db, key);
  after(to_db, key);
}

void Keyspace::swap(int a, int b) {
  if (observer_ != nullptr) observer_->before_swap(a, b);
  std::swap(databases_[a], databases_[b]);
  ++changes_;
}

size_t Keyspace::flush(int db, Free how) {
  size_t gone = 0;
  const int first = db < 0 ? 0 : db;
  const int last = db < 0 ? database_count() - 1 : db;
  for (int i = first; i <= last; ++i) {
    Database& database = databases_[i];
    if (observer_ != nullptr) observer_->before_flush(i);
    const size_t keys = database.dict.size();
    gone += keys;
    database.expire_cursor = database.compact_cursor = 0;
    database.unfinished.clear();
    database.expiring_elements.clear();
    database.average_ttl_ms = 0;
    database.dict.surrender();
    if (how == Free::lazily && reclaimer_ != nullptr && keys > kLazyFreeEffort) {
      reclaimer_->reclaim(Dict(std::move(database.dict)), keys);
    } else {
      database.dict.clear();
    }
  }
  changes_ += static_cast<int64_t>(gone);
  return gone;
}

// --- Memory limits ---

void Keyspace::set_idle(int db, std::string_view key, int64_t seconds) {
  Entry* entry = databases_[db].dict.find(key);
  if (entry == nullptr || rules_.count_frequency) return;
  const int64_t idle_ms = std::clamp<int64_t>(seconds, 0, Access::kLongestIdleMs / 1000) * 1000;
  entry->set_access(Access::at(to_unix_ms(now_) - idle_ms));
}

void Keyspace::set_frequency(int db, std::string_view key, uint8_t counter) {
  Entry* entry = databases_[db].dict.find(key);
  if (entry != nullptr && rules_.count_frequency) entry->set_access(Access::counted(counter, to_unix_ms(now_)));
}

void Keyspace::evict(int db, std::string_view key, Free how) {
  Dict& dict = databases_[db].dict;
  const Dict::Place place = dict.locate(key);
  HOLDFAST_ASSERT(place.entry != nullptr);
  before(db, key, place.entry);
  forget_elements(databases_[db], *place.entry);
  EntryPtr gone = dict.release(place, Dict::Leaving::for_good);
  ++stats_.evicted_keys;
  after(db, gone->key());
  dispose(std::move(gone), how);
}

// --- Walking ---

uint64_t Keyspace::scan(int db, uint64_t cursor, const std::function<void(const Entry&)>& visit) const {
  return databases_[db].dict.scan(cursor, [&](Entry& entry) { visit(entry); });
}

void Keyspace::for_each_key(int db, const std::function<void(const Entry&)>& visit) const {
  databases_[db].dict.for_each([&](const Entry& entry) { visit(entry); });
}

const Entry* Keyspace::random_key(int db, RandomSource& random) {
  Database& database = databases_[db];
  // Where expired keys may not be deleted, a database of nothing else would never yield one: give up after some tries.
  for (int tries = 0; tries < 100 || mode_ == ExpiryMode::remove; ++tries) {
    Entry* entry = database.dict.random(random);
    if (entry == nullptr) return nullptr;
    if (!is_expired(*entry)) return entry;
    if (mode_ == ExpiryMode::remove) remove_expired(db, *entry);
  }
  return database.dict.random(random);
}

// --- Background work ---

int64_t Keyspace::average_ttl_ms(int db) const { return databases_[db].average_ttl_ms; }

Keyspace::ExpirySample Keyspace::expire_some(int db, size_t keys, size_t steps) {
  ExpirySample sample;
  Database& database = databases_[db];
  const auto now_ms = static_cast<double>(to_unix_ms(now_));
  // The expired are deleted after each step: a deletion may move what lies near.
  std::vector<Entry*> expired;
  while (sample.seen < keys && steps > 0 && !sample.end) {
    if (database.dict.expiring() == 0) {
      sample.end = true;
      break;
    }
    --steps;
    expired.clear();
    database.expire_cursor = database.dict.walk_expiring(database.expire_cursor, [&](Entry& entry) {
      ++sample.seen;
      if (is_expired(entry)) {
        expired.push_back(&entry);
      } else {
        sample.ttl_sum_ms += static_cast<double>(entry.expires_ms()) - now_ms;
      }
    });
    for (Entry* entry : expired) remove_expired(db, *entry);
    sample.gone += expired.size();
    sample.end = database.expire_cursor == 0;
  }
  return sample;
}

bool Keyspace::elements_due() const {
  const int64_t now_ms = to_unix_ms(now_);
  return std::ranges::any_of(databases_, [&](const Database& database) {
    return !database.expiring_elements.empty() && database.expiring_elements.front().expires_ms < now_ms;
  });
}

bool Keyspace::expire_elements_some(size_t most) {
  const int64_t now_ms = to_unix_ms(now_);
  for (int db = 0; db < database_count(); ++db) {
    Database& database = databases_[db];
    while (!database.expiring_elements.empty() && database.expiring_elements.front().expires_ms < now_ms) {
      if (most == 0) return true;
      const std::string key = database.expiring_elements.front().key;
      const Dict::Place place = database.dict.locate(key);
      HOLDFAST_ASSERT(place.entry != nullptr);
      if (is_expired(*place.entry)) {
        remove_expired(db, *place.entry);
        --most;
        continue;
      }
      most -= expire_elements(db, place, [&](Object& object) { return object.remove_expired_elements(now_ms, most); }).changes;
    }
  }
  return false;
}

void Keyspace::note_average_ttl(int db, double average_ms) {
  const auto average = static_cast<int64_t>(std::min(average_ms, 9e18));
  int64_t& known = databases_[db].average_ttl_ms;
  known = known == 0 ? average : known / 50 * 49 + average / 50;
}

void Keyspace::note_expiry_cycle(size_t seen, size_t gone, bool out_of_time) {
  const double stale = seen == 0 ? 0 : 100.0 * static_cast<double>(gone) / static_cast<double>(seen);
  stats_.expired_stale_percent = stale * 0.05 + stats_.expired_stale_percent * 0.95;
  if (out_of_time) ++stats_.expired_time_cap_reached;
}

bool Keyspace::compact(BlockMover& mover, CompactionCount& count) {
  Database& database = databases_[compact_db_];
  auto& unfinished = database.unfinished;
  Compaction work(mover, count);
  if (!unfinished.empty()) {
    auto& [key, cursor] = unfinished.back();
    if (!database.dict.compact_value(key, cursor, work)) unfinished.pop_back();
  } else {
    struct Observer final : Dict::CompactionObserver {
      explicit Observer(Database& database) : database(database) {}
      void unfinished(const Entry& entry, const CompactionCursor& next) override {
        database.unfinished.emplace_back(entry.key(), next);
      }
      Database& database;
    } observer(database);
    database.compact_cursor = database.dict.compact(database.compact_cursor, work, observer);
  }
  if (database.compact_cursor != 0 || !unfinished.empty()) return false;
  compact_db_ = (compact_db_ + 1) % database_count();
  return compact_db_ == 0;
}

// --- DataSource, DataLoader ---

bool Keyspace::has_element_expiry() const {
  return std::ranges::any_of(databases_, [](const Database& database) { return !database.expiring_elements.empty(); });
}

Result<> Keyspace::for_each(const std::function<Result<>(const EntryView&)>& visit) const {
  for (int db = 0; db < database_count(); ++db) {
    Result<> status;
    databases_[db].dict.for_each([&](const Entry& entry) {
      if (status) status = visit(EntryView{db, entry.key(), entry.value(), entry.expires_at()});
    });
    if (!status) return status;
  }
  return {};
}

Result<> Keyspace::insert(int db, std::string_view key, Value value, std::optional<WallTime> expires_at) {
  if (db < 0 || db >= database_count()) return fail("DB index {} is out of range ({} databases)", db, database_count());
  Dict& dict = databases_[db].dict;
  const Dict::Place place = dict.locate(key);
  if (place.entry != nullptr) return fail("the key '{}' appears twice in database {}", key, db);
  before(db, key, nullptr);
  const int64_t expires_ms = expires_at ? std::max(to_unix_ms(*expires_at), kKeepExpiry + 1) : Entry::kNoExpiry;
  Entry& entry = dict.insert(place.hash, key, std::move(value), expires_ms);
  mark_new(entry);
  note_elements(databases_[db], entry);
  return {};
}

}  // namespace holdfast::node

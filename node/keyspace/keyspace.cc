#include "node/keyspace/keyspace.h"

#include <algorithm>

#include "common/base/assert.h"

namespace holdfast::node {

Keyspace::Keyspace(int databases, RandomSource& random) {
  HOLDFAST_ASSERT(databases > 0);
  databases_.reserve(databases);
  for (int db = 0; db < databases; ++db) databases_.emplace_back(HashSeed{random.next(), random.next()});
}

Keyspace::~Keyspace() = default;

void Keyspace::before(int db, std::string_view key, const Entry* entry) {
  if (observer_ != nullptr) observer_->before_change(db, key, entry);
}

void Keyspace::after(int db, std::string_view key) {
  if (observer_ != nullptr) observer_->touched(db, key);
}

// --- Look-ups ---

bool Keyspace::is_expired(const Entry& entry) const {
  return entry.has_expiry() && mode_ != ExpiryMode::ignore && to_unix_ms(now_) > entry.expires_ms_;
}

Entry* Keyspace::lookup(int db, std::string_view key) {
  Entry* entry = databases_[db].dict.find(key);
  if (entry == nullptr || !is_expired(*entry)) return entry;
  if (mode_ == ExpiryMode::remove) remove_expired(db, *entry);
  return nullptr;
}

const Entry* Keyspace::glance(int db, std::string_view key) {
  const Entry* entry = lookup(db, key);
  ++(entry == nullptr ? stats_.misses : stats_.hits);
  return entry;
}

const Entry* Keyspace::read(int db, std::string_view key) {
  const Entry* entry = glance(db, key);
  if (entry != nullptr) const_cast<Entry*>(entry)->accessed_ms_ = to_unix_ms(now_);
  return entry;
}

const Entry* Keyspace::find(int db, std::string_view key) {
  Entry* entry = lookup(db, key);
  if (entry != nullptr) entry->accessed_ms_ = to_unix_ms(now_);
  return entry;
}

const Entry* Keyspace::peek(int db, std::string_view key) { return lookup(db, key); }

const Entry* Keyspace::find_raw(int db, std::string_view key) const { return databases_[db].dict.find(key); }

// --- Expiry bookkeeping ---

void Keyspace::attach_expiry(Database& database, Entry& entry, int64_t expires_ms) {
  if (!entry.has_expiry()) {
    entry.expiring_index_ = static_cast<uint32_t>(database.expiring.size());
    database.expiring.push_back(&entry);
  }
  entry.expires_ms_ = expires_ms;
}

void Keyspace::detach_expiry(Database& database, Entry& entry) {
  if (!entry.has_expiry()) return;
  Entry* const last = database.expiring.back();
  database.expiring[entry.expiring_index_] = last;
  last->expiring_index_ = entry.expiring_index_;
  database.expiring.pop_back();
  entry.expires_ms_ = Entry::kNoExpiry;
}

void Keyspace::remove_expired(int db, Entry& entry) {
  // The name outlives the entry: the observer is told before and after.
  const std::string key(entry.key());
  if (observer_ != nullptr) observer_->expired(db, key);
  before(db, key, &entry);
  take(db, key);
  ++stats_.expired_keys;
  after(db, key);
}

std::unique_ptr<Entry> Keyspace::take(int db, std::string_view key) {
  Database& database = databases_[db];
  std::unique_ptr<Entry> entry = database.dict.release(key);
  if (entry != nullptr) detach_expiry(database, *entry);
  return entry;
}

// --- Changes ---

Entry& Keyspace::put(int db, std::string_view key, Value value) {
  Database& database = databases_[db];
  Entry* entry = database.dict.find(key);
  if (entry != nullptr && mode_ == ExpiryMode::remove && is_expired(*entry)) {
    remove_expired(db, *entry);
    entry = nullptr;
  }
  before(db, key, entry);
  if (entry == nullptr) {
    entry = &database.dict.insert(key, std::move(value));
  } else {
    entry->value_ = std::move(value);
  }
  entry->accessed_ms_ = to_unix_ms(now_);
  ++changes_;
  return *entry;
}

void Keyspace::set(int db, std::string_view key, Value value, Expiry expiry) {
  Entry& entry = put(db, key, std::move(value));
  if (expiry == Expiry::clear) detach_expiry(databases_[db], entry);
  after(db, key);
}

void Keyspace::set(int db, std::string_view key, Value value, WallTime expires_at) {
  Entry& entry = put(db, key, std::move(value));
  attach_expiry(databases_[db], entry, to_unix_ms(expires_at));
  after(db, key);
}

Value& Keyspace::change(int db, const Entry& entry) {
  before(db, entry.key(), &entry);
  ++changes_;
  after(db, entry.key());
  return const_cast<Entry&>(entry).value_;
}

bool Keyspace::set_expiry(int db, std::string_view key, std::optional<WallTime> expires_at) {
  Database& database = databases_[db];
  Entry* entry = database.dict.find(key);
  if (entry == nullptr || (!expires_at && !entry->has_expiry())) return false;
  before(db, key, entry);
  if (expires_at) {
    attach_expiry(database, *entry, to_unix_ms(*expires_at));
  } else {
    detach_expiry(database, *entry);
  }
  ++changes_;
  after(db, key);
  return true;
}

bool Keyspace::erase(int db, std::string_view key) {
  const Entry* entry = databases_[db].dict.find(key);
  if (entry == nullptr) return false;
  before(db, key, entry);
  const std::unique_ptr<Entry> gone = take(db, key);
  ++changes_;
  after(db, gone->key());
  return true;
}

void Keyspace::rename(int db, std::string_view from, std::string_view to) {
  Database& database = databases_[db];
  Entry* source = database.dict.find(from);
  HOLDFAST_ASSERT(source != nullptr && from != to);
  before(db, from, source);
  before(db, to, database.dict.find(to));
  const int64_t expires_ms = source->expires_ms_;
  const std::unique_ptr<Entry> old = take(db, from);
  take(db, to);
  Entry& target = database.dict.insert(to, std::move(old->value_));
  if (expires_ms != Entry::kNoExpiry) attach_expiry(database, target, expires_ms);
  target.accessed_ms_ = to_unix_ms(now_);
  ++changes_;
  after(db, from);
  after(db, to);
}

void Keyspace::move(int from_db, std::string_view key, int to_db) {
  Entry* source = databases_[from_db].dict.find(key);
  HOLDFAST_ASSERT(source != nullptr && from_db != to_db && databases_[to_db].dict.find(key) == nullptr);
  before(from_db, key, source);
  before(to_db, key, nullptr);
  const int64_t expires_ms = source->expires_ms_;
  const std::unique_ptr<Entry> old = take(from_db, key);
  Entry& target = databases_[to_db].dict.insert(key, std::move(old->value_));
  if (expires_ms != Entry::kNoExpiry) attach_expiry(databases_[to_db], target, expires_ms);
  target.accessed_ms_ = to_unix_ms(now_);
  ++changes_;
  after(from_db, key);
  after(to_db, key);
}

void Keyspace::swap(int a, int b) {
  if (observer_ != nullptr) observer_->before_swap(a, b);
  std::swap(databases_[a], databases_[b]);
  ++changes_;
}

size_t Keyspace::flush(int db) {
  size_t gone = 0;
  const int first = db < 0 ? 0 : db;
  const int last = db < 0 ? database_count() - 1 : db;
  for (int i = first; i <= last; ++i) {
    Database& database = databases_[i];
    if (observer_ != nullptr) observer_->before_flush(i);
    gone += database.dict.size();
    database.expiring.clear();
    database.expire_cursor = 0;
    database.average_ttl_ms = 0;
    database.dict.clear();
  }
  changes_ += static_cast<int64_t>(gone);
  return gone;
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

// --- Active expiry ---

int64_t Keyspace::average_ttl_ms(int db) const { return databases_[db].average_ttl_ms; }

bool Keyspace::active_expire(WallTime now, size_t budget) {
  begin(now, ExpiryMode::remove);
  size_t seen = 0;
  size_t gone = 0;
  for (int round = 0; round < database_count() && seen < budget; ++round) {
    const int db = expire_db_;
    Database& database = databases_[db];
    size_t here = std::min(budget - seen, database.expiring.size());
    double ttl_sum = 0;  // may pass 64 bits
    int64_t ttl_count = 0;
    for (; here > 0 && !database.expiring.empty(); --here, ++seen) {
      if (database.expire_cursor >= database.expiring.size()) database.expire_cursor = 0;
      Entry& entry = *database.expiring[database.expire_cursor];
      if (is_expired(entry)) {
        remove_expired(db, entry);  // the last one takes its place: the cursor stays
        ++gone;
        continue;
      }
      ttl_sum += static_cast<double>(entry.expires_ms_) - static_cast<double>(to_unix_ms(now));
      ++ttl_count;
      ++database.expire_cursor;
    }
    if (ttl_count > 0) {
      const auto average = static_cast<int64_t>(std::min(ttl_sum / static_cast<double>(ttl_count), 9e18));
      database.average_ttl_ms =
          database.average_ttl_ms == 0 ? average : database.average_ttl_ms / 50 * 49 + average / 50;
    }
    expire_db_ = (expire_db_ + 1) % database_count();
  }
  const double stale = seen == 0 ? 0 : 100.0 * static_cast<double>(gone) / static_cast<double>(seen);
  stats_.expired_stale_percent = stale * 0.05 + stats_.expired_stale_percent * 0.95;
  const bool busy = seen >= budget && gone * 10 > seen;
  if (busy) ++stats_.expired_time_cap_reached;
  return busy;
}

// --- DataSource, DataLoader ---

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
  Database& database = databases_[db];
  if (database.dict.find(key) != nullptr) return fail("the key '{}' appears twice in database {}", key, db);
  before(db, key, nullptr);
  Entry& entry = database.dict.insert(key, std::move(value));
  if (expires_at) attach_expiry(database, entry, to_unix_ms(*expires_at));
  entry.accessed_ms_ = to_unix_ms(now_);
  return {};
}

}  // namespace holdfast::node

#include "node/persistence/snapshot_cut.h"

#include <utility>

#include "node/persistence/large_value.h"

namespace holdfast::node {

namespace {

// What is put into records at once: some ten microseconds of work.
constexpr size_t kLargeText = kWorthTaking;
constexpr size_t kLargeObjectBytes = 128 * 1024;
constexpr size_t kLargeEffort = 256;
// Visits between two looks at the clock.
constexpr unsigned kVisitsInTime = 16;
constexpr size_t kBytesInTime = 64 * 1024;

int64_t expiry_of(const Entry& entry) { return entry.has_expiry() ? to_unix_ms(*entry.expires_at()) : Entry::kNoExpiry; }

}  // namespace

SnapshotCut::SnapshotCut(Keyspace& keys, std::unique_ptr<SnapshotFormat> format)
    : keys_(keys), format_(std::move(format)) {
  for (int db = 0; db < keys.database_count(); ++db) {
    if (keys.key_count(db) > 0) databases_.push_back(std::make_unique<Database>(*this, keys.table(db), db));
  }
}

SnapshotCut::~SnapshotCut() {
  Reclaimer* const reclaimer = keys_.reclaimer();
  for (const auto& value : large_) {
    if (reclaimer != nullptr) value->dispose(*reclaimer);
  }
  large_.clear();  // before the tables that they may lie in
  for (const auto& database : databases_) {
    if (database->table_->cut() == database.get()) database->table_->end_cut(false);
    if (database->own_ && reclaimer != nullptr) reclaimer->reclaim(std::move(*database->own_), 0);
  }
}

size_t SnapshotCut::held_bytes() const {
  size_t bytes = out_.bytes() + aside_.bytes() + held_large_;
  for (const auto& database : databases_) bytes += database->own_ ? database->own_->memory_bytes() : 0;
  return bytes;
}

// --- What writes hand over ---

void SnapshotCut::preserve(int db, Entry& entry, std::string* text, bool going) {
  if (entry.type() != ValueType::string) {
    preserved_bytes_ += entry.object()->memory_bytes();
    return record_object(db, entry, going);
  }
  Value::Scratch scratch;
  const std::string_view bytes = text != nullptr ? std::string_view(*text) : entry.bytes(scratch);
  preserved_bytes_ += bytes.size();
  if (bytes.size() < kLargeText) return record_text(db, entry, bytes);
  if (living_ != nullptr && living_->living() == &entry) {
    living_->leave(text);
    held_large_ += living_->held_bytes();
    living_ = nullptr;
    return;
  }
  queue(make_large_text(db, entry, text != nullptr ? std::move(*text) : std::string(bytes)));
}

void SnapshotCut::record_text(int db, const Entry& entry, std::string_view text) {
  RecordStream& out = stream();
  out.select(db);
  out.text(entry.key(), text, expiry_of(entry));
}

void SnapshotCut::queue(std::unique_ptr<LargeValue> value) {
  held_large_ += value->held_bytes();
  large_.push_back(std::move(value));
}

void SnapshotCut::record_object(int db, Entry& entry, bool going) {
  const Object& object = *entry.object();
  if (object.effort() > kLargeEffort || object.memory_bytes() > kLargeObjectBytes) {
    if (object.type() == ValueType::list || object.type() == ValueType::stream) {
      return queue(make_large_sequence(db, entry, going));
    }
    if (object.table() != nullptr) {
      // The cut of its table is no change of the object.
      return queue(make_large_table(db, entry, const_cast<Object&>(object)));
    }
  }
  RecordStream& out = stream();
  out.select(db);
  format_->object(out, {entry.key(), expiry_of(entry)}, entry.value());
}

// --- The walk ---

bool SnapshotCut::record(int db, Entry& entry) {
  if (entry.type() != ValueType::string) {
    record_object(db, entry, false);
    return true;
  }
  Value::Scratch scratch;
  const std::string_view text = entry.bytes(scratch);
  if (text.size() < kLargeText) {
    record_text(db, entry, text);
    return true;
  }
  queue(make_living_text(db, entry, text));
  living_ = large_.back().get();
  return false;
}

bool SnapshotCut::in_time(const Clock& clock, Instant until, size_t room) {
  if (out_.full_chunks() >= room) return false;
  if (++visits_ % kVisitsInTime != 0 && out_.bytes() < looked_at_bytes_ + kBytesInTime) return true;
  looked_at_bytes_ = out_.bytes();
  return clock.now() < until;
}

void SnapshotCut::step_large() {
  LargeValue& value = *large_.front();
  if (!open_) {
    out_.select(value.db());
    open_ = true;
  }
  if (value.write(out_, *format_)) return;
  if (&value == living_) {  // the walk does not come to it again
    databases_[current_]->table_->mark_cut(*value.living());
    living_ = nullptr;
  }
  if (Reclaimer* reclaimer = keys_.reclaimer()) value.dispose(*reclaimer);
  large_.pop_front();
  open_ = false;
  out_.append(std::move(aside_));
}

void SnapshotCut::step_database(const Clock& clock, Instant until, size_t room) {
  Database& database = *databases_[current_];
  const bool all = database.table_->cut_segment(database.cursor_, [&](Entry& entry) {
    return in_time(clock, until, room) && record(database.db_, entry);
  });
  if (all && database.cursor_ == 0) ++current_;
}

// Not before everything is written: a table that is emptied meanwhile may hold values that are still in the queue.
void SnapshotCut::finish() {
  for (const auto& database : databases_) database->table_->end_cut(true);
}

bool SnapshotCut::step(const Clock& clock, Instant until, size_t room) {
  looked_at_bytes_ = out_.bytes();
  held_large_ = 0;
  for (const auto& value : large_) held_large_ += value->held_bytes();
  // A large value's piece and a segment of the walk are worth a look at the clock each.
  while (large_.empty() ? current_ < databases_.size() : true) {
    if (out_.full_chunks() >= room || clock.now() >= until) return false;
    if (large_.empty()) {
      step_database(clock, until, room);
    } else {
      step_large();
    }
  }
  finish();
  return true;
}

}  // namespace holdfast::node

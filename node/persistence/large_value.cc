#include "node/persistence/large_value.h"

#include <algorithm>
#include <utility>

#include "node/collections/zset_object.h"
#include "node/persistence/element_buffer.h"

namespace holdfast::node {

namespace {

// Bytes written in one go.
constexpr size_t kPiece = 64 * 1024;

int64_t expiry_of(const Entry& entry) { return entry.has_expiry() ? to_unix_ms(*entry.expires_at()) : Entry::kNoExpiry; }

// --- Strings ---

class LargeText final : public LargeValue {
 public:
  LargeText(int db, const Entry& entry, std::string text)
      : LargeValue(db, entry.key(), expiry_of(entry)), own_(std::move(text)), text_(own_) {}
  LargeText(int db, const Entry& entry, std::string_view text)
      : LargeValue(db, entry.key(), expiry_of(entry)), text_(text), living_(&entry) {}

  bool write(RecordStream& out, const SnapshotFormat& format) override {
    if (written_ == 0) format.begin_text(out, head(), text_.size());
    out.put_bytes(text_.substr(written_, kPiece));
    written_ += std::min(kPiece, text_.size() - written_);
    if (written_ < text_.size()) return true;
    format.end_text(out, head());
    return false;
  }
  size_t held_bytes() const override { return own_.capacity(); }
  void dispose(Reclaimer& reclaimer) override { reclaimer.reclaim(std::move(own_), 0); }
  const Entry* living() const override { return living_; }
  void leave(std::string* text) override {
    own_ = text != nullptr ? std::move(*text) : std::string(text_);
    text_ = own_;
    living_ = nullptr;
  }

 private:
  std::string own_;
  std::string_view text_;
  const Entry* living_ = nullptr;
  size_t written_ = 0;
};

// --- Hashes, sets, sorted sets ---

class LargeTable final : public LargeValue, private TableCut {
 public:
  LargeTable(int db, const Entry& entry, Object& object)
      : LargeValue(db, entry.key(), expiry_of(entry)), table_(object.table()),
        head_{object.type(), object.size(), object.next_expiry_ms()} {
    table_->begin_cut(*this);
  }
  ~LargeTable() override { abandon(); }

  bool write(RecordStream& out, const SnapshotFormat& format) override {
    const size_t enough = out.bytes() + kPiece;
    if (!writer_) {
      writer_ = format.elements(out, head(), head_);
      return true;
    }
    while (!earlier_.empty()) {
      if (out.bytes() >= enough) return true;
      writer_->element(earlier_.next());
    }
    if (earlier_.bytes() > 0) earlier_.clear();
    const bool all = table_->cut_segment(cursor_, [&](Entry& entry) {
      if (out.bytes() >= enough) return false;
      put(entry);
      return true;
    });
    if (!all || cursor_ != 0) return true;
    table_->end_cut(true);
    writer_->finish();
    return false;
  }
  size_t held_bytes() const override { return earlier_.bytes() + (own_ ? own_->memory_bytes() : 0); }
  void dispose(Reclaimer& reclaimer) override {
    abandon();
    if (own_) reclaimer.reclaim(std::move(*own_), 0);
  }

 private:
  void abandon() {
    if (table_->cut() == this) table_->end_cut(false);
  }
  void put(const Entry& entry) {
    ElementView element{.name = entry.key()};
    Value::Scratch unused;  // fields' values are never kept as integers
    if (head_.type == ValueType::hash) element.value = entry.bytes(unused);
    if (head_.type == ValueType::hash) element.expires_ms = expiry_of(entry);
    if (head_.type == ValueType::zset) element.score = ZsetObject::score_of(entry);
    if (writer_) {
      writer_->element(element);
    } else {
      earlier_.add(element);
    }
  }

  void preserve(Entry& entry, std::string* text, bool) override {
    if (text == nullptr) return put(entry);
    const ElementView element{.name = entry.key(), .value = *text, .expires_ms = expiry_of(entry)};
    if (writer_) {
      writer_->element(element);
    } else {
      earlier_.add(element);
    }
  }
  void moved(Dict& table) override { table_ = &table; }
  void adopt(Dict&& table) override { own_.emplace(std::move(table)); }

  Dict* table_;
  const TableHead head_;
  std::unique_ptr<ElementWriter> writer_;
  ElementBuffer earlier_;
  std::optional<Dict> own_;
  uint64_t cursor_ = 0;
};

// --- Lists, streams ---

class LargeSequence final : public LargeValue {
 public:
  LargeSequence(int db, const Entry& entry, bool going)
      : LargeValue(db, entry.key(), expiry_of(entry)), object_(entry.object()->clone()),
        held_bytes_(going ? object_->memory_bytes() : 0) {}

  bool write(RecordStream& out, const SnapshotFormat& format) override {
    constexpr int kStopsAtOnce = 64;
    const size_t enough = out.bytes() + kPiece;
    if (!writing_) writing_.emplace(format.sequence(out, head(), *object_));
    for (int left = kStopsAtOnce; left > 0 && out.bytes() < enough; --left) {
      if (!writing_->resume()) return false;
    }
    return true;
  }
  size_t held_bytes() const override { return held_bytes_; }
  void dispose(Reclaimer& reclaimer) override {
    writing_.reset();
    if (!object_->shares()) reclaimer.reclaim(std::move(object_), 0);
  }

 private:
  std::unique_ptr<Object> object_;
  const size_t held_bytes_;  // that nobody else has
  std::optional<SlicedWrite> writing_;
};

}  // namespace

std::unique_ptr<LargeValue> make_large_text(int db, const Entry& entry, std::string text) {
  return std::make_unique<LargeText>(db, entry, std::move(text));
}

std::unique_ptr<LargeValue> make_living_text(int db, const Entry& entry, std::string_view text) {
  return std::make_unique<LargeText>(db, entry, text);
}

std::unique_ptr<LargeValue> make_large_table(int db, const Entry& entry, Object& object) {
  return std::make_unique<LargeTable>(db, entry, object);
}

std::unique_ptr<LargeValue> make_large_sequence(int db, const Entry& entry, bool going) {
  return std::make_unique<LargeSequence>(db, entry, going);
}

}  // namespace holdfast::node

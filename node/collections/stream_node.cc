#include "node/collections/stream_node.h"

#include "common/base/assert.h"
#include "node/types/allocation.h"

namespace holdfast::node {

namespace {

constexpr int64_t kControlElements = 3;      // flags, milliseconds, number
constexpr size_t kHeadElements = 4;          // of a block, besides the names
constexpr size_t kSmallElement = 2;          // bytes of a small integer
constexpr size_t kCountElement = 6;          // of one up to 2^32, at most
constexpr size_t kEntryOverhead = 6;         // all elements of an entry that are neither field nor value
constexpr size_t kMostElementOverhead = 10;  // bytes

int64_t difference(uint64_t value, uint64_t base) { return static_cast<int64_t>(value - base); }

}  // namespace

size_t StreamNode::allocation_bytes() { return allocation_size(sizeof(StreamNode)); }

size_t StreamNode::text_bytes(Fields fields) {
  size_t bytes = 0;
  for (const std::string_view text : fields) bytes += text.size();
  return bytes;
}

bool StreamNode::storable(Fields fields) {
  // A block's head repeats the field names.
  return text_bytes(fields) + (fields.size() * 2 + kEntryOverhead) * kMostElementOverhead <= kMostBytes;
}

bool StreamNode::has_room_for(size_t text_bytes, size_t elements) const {
  return pack_.has_room_for(text_bytes + (elements + kEntryOverhead) * kMostElementOverhead);
}

StreamNode::StreamNode(StreamId id, Fields fields, size_t bytes) : id_(id) {
  size_t names = 0;
  for (size_t i = 0; i < fields.size(); i += 2) names += fields[i].size();
  const size_t needed = 3 * kSmallElement + kCountElement + Listpack::most_bytes(names, fields.size() / 2);
  pack_.make_room(needed, false, 0);
  if (bytes > 0) pack_.make_room(bytes, false, 0);
  Listpack::Appender head(pack_, needed);
  head.add(int64_t{0});
  head.add(int64_t{0});
  head.add(static_cast<int64_t>(fields.size() / 2));
  for (size_t i = 0; i < fields.size(); i += 2) head.add(fields[i]);
  head.add(int64_t{0});
  names_ = Listpack::kHeaderBytes + 2 * kSmallElement;
}

StreamNode::StreamNode(StreamId id, Listpack pack) : pack_(std::move(pack)), id_(id) {
  const Listpack::Position live = pack_.first();
  live_ = static_cast<uint32_t>(integer(live));
  deleted_ = static_cast<uint32_t>(integer(pack_.next(live)));
  find_names();
}

// --- Entries ---

void StreamNode::find_names() { names_ = pack_.next(pack_.next(pack_.first())); }

Listpack::Position StreamNode::first_at() const {
  Listpack::Position at = names_;
  const int64_t names = integer(at);
  for (int64_t i = 0; i < names + 1; ++i) at = pack_.next(at);
  return pack_.next(at);
}

StreamNode::Entry StreamNode::read(Listpack::Position at) const {
  Entry entry;
  if (at == Listpack::kEnd) return entry;
  entry.at = at;
  const int64_t flags = integer(at);
  entry.deleted = (flags & kDeleted) != 0;
  entry.same_fields = (flags & kSameFields) != 0;
  at = pack_.next(at);
  entry.id.ms = id_.ms + static_cast<uint64_t>(integer(at));
  at = pack_.next(at);
  entry.id.seq = id_.seq + static_cast<uint64_t>(integer(at));
  at = pack_.next(at);
  if (entry.same_fields) {
    entry.field_count = static_cast<uint32_t>(integer(names_));
  } else {
    entry.field_count = static_cast<uint32_t>(integer(at));
    at = pack_.next(at);
  }
  entry.fields = at;
  return entry;
}

StreamNode::Entry StreamNode::after(const Entry& entry) const {
  Listpack::Position at = entry.fields;
  const uint32_t elements = entry.same_fields ? entry.field_count : entry.field_count * 2;
  for (uint32_t i = 0; i < elements; ++i) at = pack_.next(at);
  return read(pack_.next(at));  // over the length
}

StreamNode::Entry StreamNode::read_before(Listpack::Position at) const {
  at = pack_.previous(at);  // the length, or the head's 0
  const int64_t back = integer(at);
  if (back == 0) return {};
  for (int64_t i = 0; i < back; ++i) at = pack_.previous(at);
  return read(at);
}

std::unique_ptr<StreamNode> StreamNode::under(StreamId id) const {
  const size_t bytes = pack_.size_bytes() + (size_t{live_} + deleted_) * 2 * kMostElementOverhead;
  if (bytes > kMostBytes) return nullptr;
  Listpack pack;
  {
    Listpack::Appender to(pack, bytes);
    const auto copy = [&](Listpack::Position from, size_t elements) {
      pack_.walk(from, elements, [&](const Element& element) {
        element.integer ? to.add(*element.integer) : to.add(element.text);
      });
    };
    copy(pack_.first(), static_cast<size_t>(integer(names_)) + kHeadElements);
    for (Entry entry = first(); entry; entry = after(entry)) {
      copy(entry.at, 1);
      to.add(difference(entry.id.ms, id.ms));
      to.add(difference(entry.id.seq, id.seq));
      if (!entry.same_fields) to.add(int64_t{entry.field_count});
      copy(entry.fields, size_t{entry.field_count} * (entry.same_fields ? 1 : 2) + 1);
    }
  }
  pack.shrink_to_fit();
  return std::make_unique<StreamNode>(id, std::move(pack));
}

StreamNode::Entry StreamNode::first_live() const {
  Entry entry = first();
  while (entry && entry.deleted) entry = after(entry);
  return entry;
}

StreamNode::Entry StreamNode::last_live() const {
  Entry entry = last();
  while (entry && entry.deleted) entry = before(entry);
  return entry;
}

bool StreamNode::has_fields(Fields fields) const {
  if (static_cast<size_t>(integer(names_)) != fields.size() / 2) return false;
  auto field = fields.begin();
  bool same = true;
  pack_.walk(master_fields(), fields.size() / 2, [&](const Element& name) {
    same = same && (name.integer ? name.equals(*field) : name.text == *field);
    field += 2;
  });
  return same;
}

// --- Changes ---

void StreamNode::append(StreamId id, Fields fields, size_t text, size_t most) {
  const bool same = has_fields(fields);
  if (same) {
    for (size_t i = 0; i < fields.size(); i += 2) text -= fields[i].size();  // the names are in the head
  }
  {
    const size_t elements = same ? fields.size() / 2 : fields.size();
    const int64_t ms = difference(id.ms, id_.ms), seq = difference(id.seq, id_.seq);
    const size_t bytes = Listpack::most_bytes(text, elements) + kSmallElement + Listpack::element_bytes(ms) +
                         Listpack::element_bytes(seq) + 2 * kCountElement;
    pack_.make_room(bytes, false, most);
    Listpack::Appender to(pack_, bytes);
    to.add(same ? kSameFields : int64_t{0});
    to.add(ms);
    to.add(seq);
    if (!same) to.add(static_cast<int64_t>(fields.size() / 2));
    for (size_t i = same ? 1 : 0; i < fields.size(); i += same ? 2 : 1) to.add(fields[i]);
    to.add(kControlElements + static_cast<int64_t>(elements) + (same ? 0 : 1));
  }
  const size_t before = pack_.size_bytes();
  pack_.replace(pack_.first(), static_cast<int64_t>(++live_));
  if (pack_.size_bytes() != before) find_names();
}

void StreamNode::mark_deleted(const Entry& entry) { pack_.replace(entry.at, integer(entry.at) | kDeleted); }

void StreamNode::count_deleted(uint32_t more) {
  live_ -= more;
  deleted_ += more;
  const Listpack::Position live = pack_.replace(pack_.first(), int64_t{live_});
  pack_.replace(pack_.next(live), int64_t{deleted_});
  find_names();
}

void StreamNode::erase(const Entry& entry) {
  mark_deleted(entry);
  count_deleted(1);
}

// --- Blocks from outside ---

namespace {

// Reads a listpack's elements in turn, with a latch for what is not as expected.
class Reader {
 public:
  explicit Reader(const Listpack& pack) : pack_(pack), at_(pack.first()) {}
  bool at_end() const { return at_ == Listpack::kEnd; }
  bool sound() const { return sound_; }
  int64_t integer(int64_t least, int64_t most) {
    const auto element = next();
    if (!element.integer || *element.integer < least || *element.integer > most) sound_ = false;
    return sound_ ? *element.integer : least;
  }
  void skip(int64_t elements) {
    for (; elements > 0 && sound_; --elements) next();
  }

 private:
  Listpack::Element next() {
    if (at_ == Listpack::kEnd) sound_ = false;
    if (!sound_) return {};
    const auto element = pack_.get(at_);
    at_ = pack_.next(at_);
    return element;
  }
  const Listpack& pack_;
  Listpack::Position at_;
  bool sound_ = true;
};

}  // namespace

Result<> StreamNode::validate(StreamId id, const Listpack& pack) {
  constexpr int64_t kMost = UINT32_MAX / 4;
  constexpr int64_t kLow = INT64_MIN, kHigh = INT64_MAX;
  if (pack.size_bytes() > kMostBytes) return fail("a stream's block is too large");
  Reader reader(pack);
  const int64_t live = reader.integer(0, kMost);
  const int64_t deleted = reader.integer(0, kMost);
  const int64_t names = reader.integer(0, kMost);
  reader.skip(names);
  reader.integer(0, 0);
  int64_t seen = 0, seen_deleted = 0;
  std::optional<StreamId> before;
  while (reader.sound() && !reader.at_end()) {
    const int64_t flags = reader.integer(0, kDeleted | kSameFields);
    StreamId entry;
    entry.ms = id.ms + static_cast<uint64_t>(reader.integer(kLow, kHigh));
    entry.seq = id.seq + static_cast<uint64_t>(reader.integer(kLow, kHigh));
    const bool same = (flags & kSameFields) != 0;
    const int64_t elements = same ? names : 2 * reader.integer(1, kMost);
    reader.skip(elements);
    const int64_t back = kControlElements + elements + (same ? 0 : 1);
    reader.integer(back, back);
    if (!reader.sound()) break;
    if ((flags & kDeleted) != 0) {
      ++seen_deleted;
      continue;
    }
    if (before && entry <= *before) return fail("a stream's entries are not in the order of their IDs");
    before = entry;
    ++seen;
  }
  if (!reader.sound()) return fail("a stream's block is malformed");
  if (seen != live || seen_deleted != deleted) return fail("a stream's block counts other entries than it holds");
  if (live + deleted == 0) return fail("a stream's block has no entry");
  if (names == 0) return fail("a stream's block has no fields");
  return {};
}

}  // namespace holdfast::node

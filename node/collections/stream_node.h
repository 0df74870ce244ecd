// A block of a stream's entries: a listpack in the layout of Redis's stream nodes (docs/formats/rdb.md), so that saving
// is a copy. Shared by reference count between a stream and its clones.
//
//   head:  live entries | deleted entries | number of fields | the fields' names | 0
//   entry: flags | milliseconds, number: each less the block's ID | [number of fields] | fields and values, or with
//          kSameFields the values alone | how many elements of the listpack to go back from here to the flags
//
// Entries stay when they are deleted, flagged so, until the whole block goes; only the live ones are in order. Not
// thread-safe.
// Errors: a block from outside goes through validate(); all else expects a valid one, which may hold its integers in
// longer encodings than ours.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "common/base/result.h"
#include "node/collections/stream_id.h"
#include "node/types/listpack.h"

namespace holdfast::node {

class StreamNode {
 public:
  static constexpr int64_t kDeleted = 1, kSameFields = 2;  // flags
  // Bytes of payload that one block may hold, as in Redis.
  static constexpr size_t kMostBytes = size_t{1} << 30;

  // Fields and values in turn, at least one pair.
  using Fields = std::span<const std::string_view>;
  using Element = Listpack::Element;

  // For a first entry `id`, whose field names become the block's; with room for `bytes`.
  StreamNode(StreamId id, Fields fields, size_t bytes = 0);
  // Of a valid block.
  StreamNode(StreamId id, Listpack pack);
  StreamNode(const StreamNode& other)
      : pack_(other.pack_.clone()),
        id_(other.id_),
        live_(other.live_),
        deleted_(other.deleted_),
        names_(other.names_) {}

  // Checks a block from outside to the last element.
  static Result<> validate(StreamId id, const Listpack& pack);
  // The same entries in a block of this ID; none where that might become too large.
  std::unique_ptr<StreamNode> under(StreamId id) const;

  StreamId id() const { return id_; }
  uint32_t live() const { return live_; }
  uint32_t deleted() const { return deleted_; }
  const Listpack& pack() const { return pack_; }
  size_t memory_bytes() const { return allocation_bytes() + pack_.memory_bytes(); }

  static size_t text_bytes(Fields fields);
  // Whether an entry of so many elements can be kept at all, and whether there is room for it here.
  static bool storable(Fields fields);
  bool has_room_for(size_t text_bytes, size_t elements) const;
  // `id` must be greater than all live here, `text` the fields' text_bytes(). Where room is needed, some for the next
  // entries is made too, up to a block of `most` bytes.
  void append(StreamId id, Fields fields, size_t text, size_t most);
  void shrink_to_fit() { pack_.shrink_to_fit(); }

  // An entry's place.
  struct Entry {
    StreamId id;
    Listpack::Position at = Listpack::kEnd;      // of the flags
    Listpack::Position fields = Listpack::kEnd;  // of the first field, or value with the block's fields
    uint32_t field_count = 0;
    bool deleted = false;
    bool same_fields = false;
    explicit operator bool() const { return at != Listpack::kEnd; }
  };
  // Deleted entries too. None: the end.
  Entry first() const { return read(first_at()); }
  Entry last() const { return read_before(Listpack::kEnd); }
  Entry after(const Entry& entry) const;
  Entry before(const Entry& entry) const { return read_before(entry.at); }
  Entry first_live() const;
  Entry last_live() const;

  // Calls `visit(field, value)`, both Element, for each of the entry's fields.
  template <class Visit>
  void for_each_field(const Entry& entry, Visit&& visit) const {
    Listpack::Position name = entry.same_fields ? master_fields() : entry.fields;
    Listpack::Position value = entry.same_fields ? entry.fields : pack_.next(name);
    for (uint32_t i = 0; i < entry.field_count; ++i) {
      visit(pack_.get(name), pack_.get(value));
      if (i + 1 == entry.field_count) break;
      name = entry.same_fields ? pack_.next(name) : pack_.next(value);
      value = entry.same_fields ? pack_.next(value) : pack_.next(name);
    }
  }

  // Deletes a live entry; all places found before are invalid after that.
  void erase(const Entry& entry);
  // Deletes live entries from the beginning on until `stop(entry)`; returns how many.
  template <class Stop>
  size_t erase_front(Stop&& stop) {
    size_t gone = 0;
    for (Entry entry = first(); entry; entry = after(entry)) {
      if (entry.deleted) continue;
      if (stop(entry)) break;
      mark_deleted(entry);
      entry = read(entry.at);  // what lies behind the flags may have moved
      ++gone;
    }
    count_deleted(static_cast<uint32_t>(gone));
    return gone;
  }

 private:
  friend class StreamNodeRef;
  StreamNode(StreamNode&& other) noexcept = default;  // with its owners
  friend class Compaction;
  static size_t allocation_bytes();
  void find_names();
  Listpack::Position master_fields() const { return pack_.next(names_); }  // of the first name
  Listpack::Position first_at() const;
  Entry read(Listpack::Position at) const;
  Entry read_before(Listpack::Position at) const;
  bool has_fields(Fields fields) const;
  void mark_deleted(const Entry& entry);
  void count_deleted(uint32_t more);
  int64_t integer(Listpack::Position at) const { return *pack_.get(at).integer; }

  Listpack pack_;
  StreamId id_;
  uint32_t live_ = 0;
  uint32_t deleted_ = 0;
  uint32_t references_ = 0;
  Listpack::Position names_ = 0;  // where the head says how many names there are
};

// Owns a node together with others.
class StreamNodeRef {
 public:
  StreamNodeRef() = default;
  explicit StreamNodeRef(StreamNode* node) : node_(node) { ++node->references_; }
  StreamNodeRef(const StreamNodeRef& other) : node_(other.node_) {
    if (node_ != nullptr) ++node_->references_;
  }
  StreamNodeRef(StreamNodeRef&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  StreamNodeRef& operator=(StreamNodeRef other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~StreamNodeRef() {
    if (node_ != nullptr && --node_->references_ == 0) delete node_;
  }
  const StreamNode& operator*() const { return *node_; }
  const StreamNode* operator->() const { return node_; }
  bool shared() const { return node_->references_ > 1; }
  // For change; must not be shared.
  StreamNode& own() { return *node_; }
  // Moves the node and its block if they should leave their slabs; must not be shared.
  void compact(Compaction& work);

 private:
  StreamNode* node_ = nullptr;
};

}  // namespace holdfast::node

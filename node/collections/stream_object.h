// A stream: entries of fields and values in the order of their IDs, packed into blocks (stream_node.h) under an index
// by each block's ID, and the consumer groups that read it (stream_group.h).
//
// Appending is O(1), an ID is found in the logarithm of the blocks and a part of one block. Blocks, and those of the
// groups' pending entries, are shared with clones and copied when they change while shared. Executor thread only.
//
// Walking in order: `for (StreamRange range(stream, first, last); range.next();)` gives range.id() and
// range.for_each_field(...); deleted entries are passed over. DEBUG DIGEST walks like that, then the groups and their
// pending entries. A stream may be empty and still be a value.
// The last block is known by itself while no clone has a part of it, so that appending goes there at once.
// Invariants: a block has no live entry only where trimming by ID left it so, as in Redis; no live entry comes
// before its block's ID or behind that of the next block; first_id() is that of the first live entry, 0-0 when there is
// none.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "node/collections/stream_group.h"
#include "node/collections/stream_id_map.h"
#include "node/collections/stream_node.h"
#include "node/types/object.h"

namespace holdfast::node {

class StreamObject final : public Object {
 public:
  static constexpr ValueType kType = ValueType::stream;
  using Fields = StreamNode::Fields;
  using Nodes = StreamIdMap<StreamNodeRef>;
  using OwnedGroup = std::unique_ptr<StreamGroup>;
  using Groups =
      std::map<std::string, OwnedGroup, std::less<>, MovableAllocator<std::pair<const std::string, OwnedGroup>>>;
  // Of one block; 0: no limit.
  struct Limits {
    uint64_t node_bytes = 4096;   // stream-node-max-bytes
    uint64_t node_entries = 100;  // stream-node-max-entries, deleted ones included
  };

  StreamObject();
  StreamObject(const StreamObject& other);
  StreamObject(StreamObject&& other) noexcept = default;

  ValueType type() const override { return ValueType::stream; }
  std::string_view encoding() const override { return "stream"; }
  size_t size() const override { return length_; }
  size_t memory_bytes() const override { return bytes_; }
  size_t effort() const override;
  std::unique_ptr<Object> clone() const override { return std::make_unique<StreamObject>(*this); }
  bool shares() const override;
  Object* relocate(Compaction& work) override;
  bool compact(CompactionCursor& cursor, Compaction& work) override;
  bool prefetch(unsigned step) const override;  // of the last block's end

  StreamId first_id() const { return first_id_; }
  // Of the last live entry; the stream must not be empty.
  StreamId last_live_id() const;
  StreamId last_id() const { return last_id_; }                // the greatest ID ever given
  StreamId max_deleted_id() const { return max_deleted_id_; }  // the greatest ever deleted by name
  uint64_t entries_added() const { return entries_added_; }    // ever
  void set_last_id(StreamId id) { last_id_ = id; }
  void set_max_deleted_id(StreamId id) { max_deleted_id_ = id; }
  void set_entries_added(uint64_t entries) { entries_added_ = entries; }

  // `id` must be greater than last_id(), `fields` StreamNode::storable().
  void append(StreamId id, Fields fields, const Limits& limits);
  // False when there is no such entry.
  bool erase(StreamId id);
  bool contains(StreamId id) const;

  // Removes entries from the beginning: all but the last `keep`, or all before `min_id`.
  struct Trim {
    std::optional<uint64_t> keep;
    StreamId min_id;
    bool whole_blocks = false;  // as many as go without breaking up a block
    uint64_t most = 0;          // entries to remove with whole blocks; 0: no limit
  };
  // How many went.
  size_t trim(const Trim& rule);

  const Nodes& nodes() const { return nodes_; }
  // How many nodes Redis's radix tree over these blocks' IDs has; walks the index.
  size_t radix_nodes() const;

  const Groups& groups() const { return groups_; }
  const StreamGroup* find_group(std::string_view name) const;
  // A group for change: keeps account of its memory when the handle goes.
  class GroupEdit {
   public:
    GroupEdit(StreamObject& stream, StreamGroup* group)
        : stream_(stream), group_(group), before_(group == nullptr ? 0 : group->memory_bytes()) {}
    ~GroupEdit() {
      if (group_ != nullptr) stream_.bytes_ = stream_.bytes_ - before_ + group_->memory_bytes();
    }
    GroupEdit(const GroupEdit&) = delete;
    GroupEdit& operator=(const GroupEdit&) = delete;
    explicit operator bool() const { return group_ != nullptr; }
    StreamGroup* operator->() const { return group_; }
    StreamGroup& operator*() const { return *group_; }

   private:
    StreamObject& stream_;
    StreamGroup* group_;
    size_t before_;
  };
  GroupEdit edit_group(std::string_view name);
  // False when there is one of this name.
  bool create_group(std::string_view name, StreamId last_id, int64_t entries_read);
  bool erase_group(std::string_view name);

  // --- How far readers are ---
  // Whether an entry behind `id` may have been deleted by name.
  bool gaps_after(StreamId id) const;
  // How many entries were ever added up to `id`, where that can be told without counting; else nothing.
  std::optional<uint64_t> entries_up_to(StreamId id) const;
  // How many a group has still to read.
  std::optional<uint64_t> lag(const StreamGroup& group) const;

  // --- Loading: blocks in the order of their IDs, then load_end() with what was said of them, then groups with
  // create_group() (their entries_read, where it is not told, is entries_up_to() of their last ID), and in edit_group()
  // create_consumer() and, for each pending entry that is not there yet, assign(). All is checked but the first ID,
  // which follows from the entries. ---
  Result<> load_node(StreamId id, Listpack pack);
  struct Header {
    uint64_t length = 0;
    StreamId last_id;
    // Of later versions of the format; without: as a stream without deletions.
    std::optional<StreamId> max_deleted_id = {};
    std::optional<uint64_t> entries_added = {};
  };
  Result<> load_end(const Header& header);

 private:
  friend class StreamRange;
  StreamNode& writable(const Nodes::Cursor& place);
  // Accounts for what `change` does to a block.
  template <class Change>
  void change_node(const Nodes::Cursor& place, Change&& change);
  void adopt(std::unique_ptr<StreamNode> node);
  void drop(const Nodes::Cursor& place);
  void begin_node(StreamId id, Fields fields, size_t text, size_t most);
  void drop_empty_from(StreamId id);
  void know_tail();
  void compact_node(StreamNodeRef& ref, Compaction& work);
  void find_first_id();

  // What appending and trimming touch comes first: one cache line.
  // The last block, if it is known to be shared with no clone, by the index neither.
  mutable StreamNode* tail_ = nullptr;
  size_t length_ = 0;
  StreamId last_id_;
  uint64_t entries_added_ = 0;
  size_t bytes_;
  size_t head_live_ = 0;  // the first block has at least that many live entries
  Nodes nodes_;
  StreamId first_id_, max_deleted_id_;
  Groups groups_;
};

// The live entries from `first` to `last`, both included, in either direction. Valid until the stream changes.
class StreamRange {
 public:
  enum class Order : uint8_t { forward, backward };
  StreamRange(const StreamObject& stream, StreamId first, StreamId last, Order order = Order::forward);

  // Goes to the next entry; false at the end.
  bool next();
  StreamId id() const { return entry_.id; }
  size_t field_count() const { return entry_.field_count; }
  // `visit(field, value)`, both Listpack::Element.
  template <class Visit>
  void for_each_field(Visit&& visit) const {
    (*node_)->for_each_field(entry_, visit);
  }

 private:
  StreamObject::Nodes::Cursor node_;
  StreamNode::Entry entry_;
  StreamId first_, last_;
  Order order_;
  bool begun_ = false;
};

}  // namespace holdfast::node

// How the blocks inside a stream come out of sparse memory (node/types/block_mover.h).
//
// Cursor: part 0 is the stream's own blocks; part n + 1 its group number n, of which sub 0 is the group's pending entries
// and sub n + 1 those of consumer number n. Within each the place is an ID.
#include <iterator>

#include "node/collections/stream_group.h"
#include "node/collections/stream_node.h"
#include "node/collections/stream_object.h"

namespace holdfast::node {

namespace {

StreamId place_of(const CompactionCursor& cursor) { return {cursor.at, cursor.beside}; }

// Goes on through a map; false at its end, true when the step has done its work.
template <class T, class MoveValue>
bool compact_map(StreamIdMap<T>& map, CompactionCursor& cursor, Compaction& work, MoveValue&& move_value) {
  const auto next = map.compact(place_of(cursor), work, move_value);
  if (!next) return false;
  cursor.at = next->ms;
  cursor.beside = next->seq;
  return true;
}

}  // namespace

void StreamNodeRef::compact(Compaction& work) {
  if (StreamNode* fresh = work.relocated(*node_); fresh != nullptr) node_ = fresh;
  node_->pack_.compact(work);
}

StreamConsumer& StreamGroup::relocate(StreamConsumer& consumer, Compaction& work) {
  // The map's key lies in the consumer.
  auto place = consumers_.extract(consumers_.find(consumer.name));
  work.relocate(place.mapped());
  StreamConsumer& now = *place.mapped();
  place.key() = now.name;
  by_number_[now.number] = &now;
  compact_node(consumers_, consumers_.insert(std::move(place)).position, work);
  return now;
}

bool StreamGroup::compact(CompactionCursor& cursor, Compaction& work) {
  const auto nothing_beside = [](const auto&) {};
  if (cursor.sub == 0) {
    if (place_of(cursor) == StreamId()) compact_vector(by_number_, work);
    if (compact_map(pending_, cursor, work, nothing_beside)) return true;
    cursor = {.part = cursor.part, .sub = 1};
  }
  for (; cursor.sub <= by_number_.size(); cursor = {.part = cursor.part, .sub = cursor.sub + 1}) {
    if (work.enough()) return true;
    StreamConsumer* consumer = by_number_[cursor.sub - 1];
    if (consumer == nullptr) continue;
    if (place_of(cursor) == StreamId()) consumer = &relocate(*consumer, work);
    if (compact_map(consumer->pending, cursor, work, nothing_beside)) return true;
  }
  return false;
}

void StreamObject::compact_node(StreamNodeRef& ref, Compaction& work) {
  if (ref.shared()) return work.spend(1);
  const bool is_tail = tail_ == &*ref;
  ref.compact(work);
  if (is_tail) tail_ = &ref.own();
}

Object* StreamObject::relocate(Compaction& work) { return work.relocated(*this); }

bool StreamObject::compact(CompactionCursor& cursor, Compaction& work) {
  if (cursor.part == 0) {
    if (compact_map(nodes_, cursor, work, [&](StreamNodeRef& ref) { compact_node(ref, work); })) return true;
    cursor = {.part = 1};
  }
  for (; cursor.part <= groups_.size(); cursor = {.part = cursor.part + 1}) {
    if (work.enough()) return true;
    auto group = std::next(groups_.begin(), cursor.part - 1);
    if (cursor.sub == 0 && place_of(cursor) == StreamId()) {
      group = node::compact_node(groups_, group, work);
      work.relocate(group->second);
    }
    if (group->second->compact(cursor, work)) return true;
  }
  return false;
}

}  // namespace holdfast::node

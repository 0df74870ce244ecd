// How the blocks inside lists, hashes, sets and sorted sets come out of sparse memory (node/types/block_mover.h); streams
// have a file of their own.
//
// Cursors: of a list, the index of a node and the node's address, by which it is found again; of a table, the part that
// the walk is in, and the place there: the table's own cursor, the rank in a sorted set's order, or expiry and entry in a
// hash's index of expiries.
#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "node/collections/hash_object.h"
#include "node/collections/list_object.h"
#include "node/collections/set_object.h"
#include "node/collections/zset_object.h"
#include "node/types/block_mover.h"

namespace holdfast::node {

namespace {

enum Part : uint32_t { kTable, kOrder };

constexpr size_t kNodesAtOnce = 16;  // of a list

// A table's next step; false: it was the last. `owner` has the table in a block of its own.
template <class Owner>
bool compact_table(std::unique_ptr<Owner>& owner, Dict& (*dict_of)(Owner&), CompactionCursor& cursor, Compaction& work,
                   Dict::CompactionObserver& observer) {
  if (cursor.at == 0) work.relocate(owner);
  do {
    cursor.at = dict_of(*owner).compact(cursor.at, work, observer);
  } while (cursor.at != 0 && !work.enough());
  return cursor.at != 0;
}

}  // namespace

// --- Lists ---

Object* ListObject::relocate(Compaction& work) { return work.relocated(*this); }

size_t ListObject::find_again(size_t index, const Node* node) const {
  constexpr size_t kReach = 1024;
  if (nodes_.count == 0) return index;
  for (size_t i = std::min<size_t>(index, nodes_.count - 1), tries = 0; tries < kReach; --i, ++tries) {
    if (nodes_[i] == node) return i;
    if (i == 0) break;
  }
  for (size_t i = index + 1; i < std::min<size_t>(nodes_.count, index + kReach); ++i) {
    if (nodes_[i] == node) return i;
  }
  return index;
}

void ListObject::compact_ring(Compaction& work) {
  if (!nodes_.slots) return;
  void* place = work.place_for(nodes_.slots.get(), nodes_.capacity * sizeof(Node*), BlockKind::array);
  if (place == nullptr) return;
  std::copy_n(nodes_.slots.get(), nodes_.capacity, static_cast<Node**>(place));
  work.release(nodes_.slots.release(), BlockKind::array);
  nodes_.slots.reset(static_cast<Node**>(place));
}

void ListObject::compact_nodes(size_t first, size_t end, Compaction& work) {
  std::array<const void*, 2 * kNodesAtOnce> blocks;
  std::array<size_t, 2 * kNodesAtOnce> slabs;
  size_t found = 0;
  for (size_t i = first; i < end; ++i) {
    const Node& node = *nodes_[i];
    if (node.references > 1) continue;
    blocks[found++] = &node;
    if (node.pack) blocks[found++] = node.pack.block();
  }
  work.spend(end - first);
  work.find_sparse({blocks.data(), found}, {slabs.data(), found});
  found = 0;
  for (size_t i = first; i < end; ++i) {
    Node* node = nodes_[i];
    if (node->references > 1) continue;
    if (Node* fresh = work.relocated(*node, slabs[found++]); fresh != nullptr) nodes_.set(i, node = fresh);
    if (node->pack) node->pack.compact(slabs[found++], work);
  }
}

bool ListObject::compact(CompactionCursor& cursor, Compaction& work) {
  size_t index = cursor.at;
  if (index == 0) {
    compact_ring(work);
  } else {
    index = find_again(index, std::bit_cast<const Node*>(cursor.beside));
  }
  while (index < nodes_.count) {
    const size_t end = std::min<size_t>(index + kNodesAtOnce, nodes_.count);
    compact_nodes(index, end, work);
    index = end;
    if (work.enough()) break;
  }
  if (index >= nodes_.count) return false;
  cursor = {.at = index, .beside = std::bit_cast<uint64_t>(nodes_[index])};
  return true;
}

// --- Hashes ---

class HashObject::EntryMoves final : public Dict::CompactionObserver {
 public:
  explicit EntryMoves(HashObject& hash) : hash_(hash) {}
  void moved(Entry& before, Entry& after) override {
    if (!before.has_expiry()) return;
    Expiring& expiring = hash_.table_->expiring;
    auto node = expiring.extract({expiry_of(before), &before});
    node.value().second = &after;
    expiring.insert(std::move(node));
  }

 private:
  HashObject& hash_;
};

Object* HashObject::relocate(Compaction& work) { return work.relocated(*this); }

void HashObject::compact_index(CompactionCursor& cursor, Compaction& work) {
  Expiring& expiring = table_->expiring;
  auto at = expiring.begin();
  if (cursor.at != 0 || cursor.beside != 0) {
    at = expiring.lower_bound({static_cast<int64_t>(cursor.at), std::bit_cast<Entry*>(cursor.beside)});
  }
  while (at != expiring.end()) {
    at = std::next(compact_node(expiring, at, work));
    if (work.enough()) break;
  }
  cursor = {.part = kOrder};
  if (at == expiring.end()) return;
  cursor.at = static_cast<uint64_t>(at->first);
  cursor.beside = std::bit_cast<uint64_t>(at->second);
}

bool HashObject::compact(CompactionCursor& cursor, Compaction& work) {
  if (!table_) {
    pack_.compact(work);
    return false;
  }
  if (cursor.part == kTable) {
    EntryMoves observer(*this);
    if (compact_table<Table>(table_, [](Table& table) -> Dict& { return table.dict; }, cursor, work, observer)) return true;
    cursor = {.part = kOrder};
    if (work.enough() && !table_->expiring.empty()) return true;
  }
  compact_index(cursor, work);
  return cursor.beside != 0;
}

// --- Sets ---

Object* SetObject::relocate(Compaction& work) { return work.relocated(*this); }

bool SetObject::compact(CompactionCursor& cursor, Compaction& work) {
  if (Intset* integers = small()) {
    integers->compact(work);
    return false;
  }
  auto& dict = std::get<std::unique_ptr<Dict>>(form_);
  Dict::CompactionObserver unconcerned;
  return compact_table<Dict>(dict, [](Dict& table) -> Dict& { return table; }, cursor, work, unconcerned);
}

// --- Sorted sets ---

class ZsetObject::EntryMoves final : public Dict::CompactionObserver {
 public:
  EntryMoves(ZsetObject& set, Compaction& work) : set_(set), work_(work) {}
  void moved(Entry& before, Entry& after) override {
    set_.large_->tree.replace(score_of(after), before, after);
    work_.spend(kFarLines);
  }

 private:
  static constexpr size_t kFarLines = 2;  // of the tree, which take as long as other blocks
  ZsetObject& set_;
  Compaction& work_;
};

Object* ZsetObject::relocate(Compaction& work) { return work.relocated(*this); }

bool ZsetObject::compact(CompactionCursor& cursor, Compaction& work) {
  if (large_ == nullptr) {
    pack_.compact(work);
    return false;
  }
  if (cursor.part == kTable) {
    EntryMoves observer(*this, work);
    if (compact_table<Large>(large_, [](Large& large) -> Dict& { return large.dict; }, cursor, work, observer)) return true;
    cursor = {.part = kOrder};
    if (work.enough()) return true;
  }
  do {
    cursor.at = large_->tree.compact(cursor.at, work);
  } while (cursor.at != 0 && !work.enough());
  return cursor.at != 0;
}

}  // namespace holdfast::node

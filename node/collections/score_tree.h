// The order of a large sorted set: a B+tree of (score, member) pairs that knows how many pairs each subtree has, so that
// a rank is found, and a range entered by rank, in O(log n).
//
// Pairs are ordered by score, then by the members' bytes; no two are equal. Scores are not NaN. The tree shares its
// members: it retains one for each leaf that names it. Nodes are shared too: a copy of the tree is one reference to its
// root, and a change copies only the nodes on its path that someone else holds (copy-on-write). That is what a snapshot
// takes. Nodes are blocks of 1 KB; all operations but clear() and whole walks touch O(log n) of them.
//
// `Member` has key() (its bytes) and is retained and released by retain_member and release_member, which are found for it
// by its namespace. Executor thread only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "node/types/block_mover.h"
#include "node/types/touch.h"

namespace holdfast::node {

template <class Member>
class ScoreTree {
 public:
  struct Item {
    double score = 0;
    const Member* member = nullptr;
  };

 private:
  struct Node {
    uint32_t references = 1;
    uint32_t count = 0;
  };
  static constexpr size_t kNodeBytes = 1024;
  static constexpr unsigned kLeafItems = 63;  // (1024 - 8) / 16
  static constexpr unsigned kChildren = 36;   // (1024 - 8) / 28
  static constexpr unsigned kStride = 8;      // of a search
  static constexpr unsigned kFewItems = kLeafItems / 3, kFewChildren = kChildren / 3;
  struct Leaf : Node {
    Item items[kLeafItems];
  };
  struct Inner : Node {
    Item lowest[kChildren];  // the first pair under each child
    Node* children[kChildren];
    uint32_t sizes[kChildren];  // pairs under each
  };
  static_assert(sizeof(Leaf) <= kNodeBytes && sizeof(Inner) <= kNodeBytes);

 public:
  // A place in the tree: valid until it changes. Walks in both directions; one that has left the tree is false.
  class Cursor {
   public:
    explicit operator bool() const { return depth_ > 0; }
    const Item& operator*() const {
      const Step& last = path_[depth_ - 1];
      return static_cast<const Leaf*>(last.node)->items[last.index];
    }
    const Item* operator->() const { return &**this; }
    void next() { move<1>(); }
    void previous() { move<-1>(); }

   private:
    friend class ScoreTree;
    template <int kDirection>
    void move();
    struct Step {
      const Node* node;
      unsigned index;
    };
    std::array<Step, 12> path_;  // 12 levels of at least 12 children are more than there is memory for
    unsigned depth_ = 0;         // 0: nowhere
  };

  ScoreTree() = default;
  ScoreTree(const ScoreTree& other) : root_(other.root_), height_(other.height_), size_(other.size_), bytes_(other.bytes_) {
    if (root_ != nullptr) ++root_->references;
  }
  ScoreTree(ScoreTree&& other) noexcept { swap(other); }
  ScoreTree& operator=(ScoreTree other) noexcept {
    swap(other);
    return *this;
  }
  ~ScoreTree() { clear(); }

  size_t size() const { return size_; }
  // Bytes of all nodes, shared ones included; members are not counted.
  size_t memory_bytes() const { return bytes_; }

  // The pair must be absent.
  void insert(double score, const Member& member);
  // False when the pair is absent.
  bool erase(double score, std::string_view member);
  void clear();

  // The pair of this score names `after` from now on, which has the same bytes, instead of `before`. It must be there.
  void replace(double score, const Member& before, const Member& after);
  // Moves nodes that should leave their slabs, from that of the pair of this rank on; returns the rank to go on at when
  // the step has done its work, 0 after the last. Shared nodes stay.
  size_t compact(size_t rank, Compaction& work);

  // How many pairs come before this one, which need not be there.
  size_t rank(double score, std::string_view member) const {
    return count_by([&](const Item* items, unsigned from, unsigned count) {
      return place_of(items, from, count, score, member, false);
    });
  }
  // The same for a pair that is there, of this very member: needs the other members' bytes hardly ever.
  size_t rank(double score, const Member& member) const;
  // Asks the memory for a rank to come, by the score alone, a step deeper each time, counted from 0; false: that was the
  // last. `at` is where the way has led to; the tree must not change meanwhile.
  bool prefetch(double score, const void*& at, unsigned step) const;
  // How many have a lower score; with `inclusive`, that score as well.
  size_t count_below(double score, bool inclusive) const {
    return count_by([&](const Item* items, unsigned from, unsigned count) {
      return place_of_score(items, from, count, score, inclusive);
    });
  }
  // How many members are less in bytes; with `inclusive`, that member as well. For sets whose scores are all the same.
  size_t count_below_member(std::string_view member, bool inclusive) const {
    return count_by([&](const Item* items, unsigned from, unsigned count) {
      return place_of_member(items, from, count, member, inclusive);
    });
  }

  // The pair of this rank; none when there are not as many.
  Cursor at(size_t rank) const;
  Cursor first() const { return at(0); }
  Cursor last() const { return size_ == 0 ? Cursor() : at(size_ - 1); }

  // Whether every invariant holds; for tests.
  bool check() const;

 private:
  static bool comes_after(const Item& item, double score, std::string_view member) {
    return item.score != score ? item.score > score : item.member->key() > member;
  }
  // Brings a node nearer: a search in it touches lines all over, one after the other.
  static void prefetch(const Node* node) {
    for (size_t at = 0; at < kNodeBytes; at += 128) prefetch_line(reinterpret_cast<const char*>(node) + at);
  }
  // All of these: the first of the sorted items from `from` on that is not less than what is given; with `inclusive`,
  // the first that is greater. By scores without a branch that could be guessed wrong.
  static unsigned place_of_score(const Item* items, unsigned from, unsigned count, double score, bool inclusive) {
    return inclusive ? place_of_score<true>(items, from, count, score) : place_of_score<false>(items, from, count, score);
  }
  template <bool kInclusive>
  static unsigned place_of_score(const Item* items, unsigned from, unsigned count, double score) {
    const auto is_before = [&](unsigned i) -> unsigned {
      return kInclusive ? items[i].score <= score : items[i].score < score;
    };
    unsigned place = from;
    if (count - from < kStride) {
      for (unsigned i = from; i < count; ++i) place += is_before(i);
      return place;
    }
    // Every eighth item, then the eight up to the first of those that is not before; looked at independently of each other.
    unsigned strides = 0;
#pragma GCC unroll 8
    for (unsigned i = 1; i <= kLeafItems / kStride; ++i) strides += is_before(std::min(from + i * kStride, count) - 1);
    const unsigned first = std::min(from + strides * kStride, count - kStride);
    place = first;
#pragma GCC unroll 8
    for (unsigned i = 0; i < kStride; ++i) place += is_before(first + i);
    return place;
  }
  static unsigned place_of_member(const Item* items, unsigned from, unsigned count, std::string_view member, bool inclusive) {
    unsigned low = from, high = count;
    while (low < high) {
      const unsigned middle = (low + high) / 2;
      const int order = items[middle].member->key().compare(member);
      if (order < 0 || (inclusive && order == 0)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
  static unsigned place_of(const Item* items, unsigned from, unsigned count, double score, std::string_view member,
                           bool inclusive) {
    const unsigned low = place_of_score<false>(items, from, count, score);
    if (low == count || items[low].score != score) return low;
    const unsigned high = place_of_score<true>(items, low, count, score);
    return place_of_member(items, low, high, member, inclusive);
  }
  // How many pairs come before the place that `find(items, from, count)` finds in each node on the way.
  template <class Find>
  size_t count_by(Find&& find) const;
  // The sum of the first `count` sizes.
  static uint32_t pairs_before(const Inner& node, unsigned count) {
    using Four [[gnu::vector_size(16)]] = int32_t;
    static_assert(kChildren % 4 == 0);
    Four sum{}, number{0, 1, 2, 3};
    const int most = static_cast<int>(count);
    for (unsigned i = 0; i < kChildren; i += 4, number += 4) {
      Four sizes;
      std::memcpy(&sizes, node.sizes + i, sizeof sizes);
      sum += sizes & (number < most);
    }
    return static_cast<uint32_t>(sum[0] + sum[1] + sum[2] + sum[3]);
  }
  bool contains(double score, std::string_view member) const;
  // The child that holds the pair or would.
  static unsigned child_for(const Inner& node, double score, std::string_view member) {
    return place_of(node.lowest, 1, node.count, score, member, true) - 1;
  }
  static unsigned place_in(const Leaf& node, double score, std::string_view member) {
    return place_of(node.items, 0, node.count, score, member, false);
  }

  void swap(ScoreTree& other) noexcept {
    std::swap(root_, other.root_);
    std::swap(height_, other.height_);
    std::swap(size_, other.size_);
    std::swap(bytes_, other.bytes_);
  }
  template <class Kind>
  Kind* make() {
    void* block = std::malloc(kNodeBytes);
    if (block == nullptr) throw std::bad_alloc();
    bytes_ += kNodeBytes;
    return new (block) Kind();
  }
  static void release(Node* node, unsigned height);
  // The node for change: itself, or a copy in its place when someone else holds it.
  Node* writable(Node*& place, unsigned height);
  static Leaf& leaf(Node* node) { return *static_cast<Leaf*>(node); }
  static Inner& inner(Node* node) { return *static_cast<Inner*>(node); }
  static const Item& lowest(const Node* node, unsigned height) {
    return height == 0 ? static_cast<const Leaf*>(node)->items[0] : static_cast<const Inner*>(node)->lowest[0];
  }
  static uint32_t pairs(const Node* node, unsigned height) {
    if (height == 0) return node->count;
    uint32_t total = 0;
    for (unsigned i = 0; i < node->count; ++i) total += static_cast<const Inner*>(node)->sizes[i];
    return total;
  }
  // Takes over what the parent knows of child `index`.
  static void refresh(Inner& node, unsigned index, unsigned child_height) {
    node.lowest[index] = lowest(node.children[index], child_height);
    node.sizes[index] = pairs(node.children[index], child_height);
  }

  // Inserts under `place`; a new right neighbour when it had to be split, else null. `last`: nothing lies right of it.
  Node* insert_under(Node*& place, unsigned height, const Item& item, bool last);
  Node* insert_into_leaf(Node*& place, const Item& item, bool last);
  // Puts `child` in as number `index`; a new right neighbour when `node` had to be split.
  Node* add_child(Inner& node, unsigned index, Node* child, unsigned height);
  // Leaf `index` is full: moves some of its pairs to a neighbour that has room, so that leaves are well filled.
  void share_with_neighbour(Inner& node, unsigned index);
  void erase_under(Node*& place, unsigned height, double score, std::string_view member);
  // Child `index` has few elements: evens them out with a neighbour, or the two become one.
  void refill(Inner& node, unsigned index, unsigned child_height);
  // Moves elements from the end of child `index` to the front of the next, or (negative) the other way round.
  void shift(Inner& node, unsigned index, int elements, unsigned child_height);
  // Returns how many pairs lie before the place where it stopped.
  size_t compact_under(Node*& place, unsigned height, size_t rank, Compaction& work);
  static bool check_under(const Node* node, unsigned height, const Item*& previous);

  Node* root_ = nullptr;
  unsigned height_ = 0;  // of inner levels
  size_t size_ = 0;
  size_t bytes_ = 0;
};

}  // namespace holdfast::node

#include "node/collections/score_tree_inl.h"  // IWYU pragma: keep

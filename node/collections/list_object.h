// A list: a sequence of nodes, each a listpack of many elements, or one large element by itself.
//
// Pushing and popping at the ends is O(1), an index is found from the nearer end node by node. Nodes are shared with
// clones and copied when they are changed while shared. Elements that look like integers are kept as such (listpack.h).
// Executor thread only. Sizes of nodes follow list-max-listpack-size, given with each change, so that it can be set at
// any time; nodes that exist stay as they are until they change.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/types/listpack.h"
#include "node/types/object.h"

namespace holdfast::node {

class ListObject final : public Object {
 public:
  struct Limits {
    int64_t fill = -2;  // list-max-listpack-size: elements in a node, or -1 to -5 for 4, 8, 16, 32, 64 KB
    uint64_t plain_bytes = uint64_t{1} << 30;  // an element of so many bytes has a node without a listpack
  };
  using Element = Listpack::Element;
  static constexpr ValueType kType = ValueType::list;

  ListObject();
  ~ListObject() override;
  ListObject(const ListObject& other);
  ListObject(ListObject&& other) noexcept;

  ValueType type() const override { return ValueType::list; }
  std::string_view encoding() const override { return "quicklist"; }
  size_t size() const override { return size_; }
  size_t memory_bytes() const override;
  size_t effort() const override { return nodes_.count; }
  std::unique_ptr<Object> clone() const override { return std::make_unique<ListObject>(*this); }
  bool shares() const override;
  Object* relocate(Compaction& work) override;
  bool compact(CompactionCursor& cursor, Compaction& work) override;
  enum class End : uint8_t { head, tail };
  bool prefetch(unsigned step) const override;  // of both ends
  bool prefetch_end(End end, unsigned step) const;
  void push(End end, std::string_view value, const Limits& limits);
  // The element at an end; the list must not be empty, as for what removes it.
  Element peek(End end) const;
  void drop_end(End end);
  std::string pop(End end);
  // The same, given to `take` as text before it goes.
  template <class Take>
  void pop(End end, Take&& take) {
    Listpack::Scratch scratch;
    take(peek(end).view(scratch));
    drop_end(end);
  }

  // An element's place; walks either way. Valid until the list changes.
  class Cursor {
   public:
    explicit operator bool() const { return list_ != nullptr; }
    Element operator*() const;
    void next();
    void previous();

   private:
    friend class ListObject;
    const ListObject* list_ = nullptr;
    uint32_t node_ = 0;
    uint32_t skipped_ = 0;       // elements before it in its node, as at() left it: for_stretches' own
    Listpack::Position at_ = 0;  // kEnd in a node with a large element
  };
  // Element `index`, negative from the end; none beyond.
  Cursor at(int64_t index) const;

  void replace(const Cursor& place, std::string_view value, const Limits& limits);
  void insert(const Cursor& place, bool after, std::string_view value, const Limits& limits);
  // Removes the element; the cursor moves to the next, or with `backwards` to the previous, and leaves at the end.
  void erase(Cursor& place, bool backwards, const Limits& limits);
  // Removes `count` elements from `start` on; both within the list.
  void erase_range(size_t start, size_t count, const Limits& limits);

  // A run of elements that lie together: in a listpack from a position on, or one large element.
  struct Stretch {
    const Listpack* pack = nullptr;  // null: `plain`
    Listpack::Position from = Listpack::kEnd;
    size_t count = 1;
    std::string_view plain;
  };
  // Calls visit(Stretch) until `count` elements from `start` on, which must be there, have been seen.
  template <class Visit>
  void for_stretches(size_t start, size_t count, Visit&& visit) const {
    if (count == 0) return;
    const Cursor first = at(static_cast<int64_t>(start));
    auto from = first.at_;
    size_t before = first.skipped_;
    for (size_t index = first.node_; count > 0; ++index) {
      const Node& node = *nodes_[index];
      if (!node.pack) {
        visit(Stretch{.plain = *node.text});
        --count;
      } else {
        const size_t here = std::min<size_t>(count, node.count - before);
        visit(Stretch{&node.pack, from == Listpack::kEnd ? node.pack.first() : from, here, {}});
        count -= here;
      }
      from = Listpack::kEnd;
      before = 0;
    }
  }

  // Nodes, as they are saved: a listpack's block, or the bytes of one large element.
  struct NodeView {
    bool plain;
    std::string_view bytes;
  };
  size_t node_count() const { return nodes_.count; }
  NodeView node(size_t index) const;
  // Takes up a node at the tail while loading. The block must be a valid listpack that is not empty.
  void load_packed(Listpack pack, const Limits& limits);
  void load_plain(std::string text);

 private:
  struct Node {
    uint32_t references = 1;
    uint32_t count = 0;
    Listpack pack{nullptr};  // false: a large element by itself
    std::unique_ptr<std::string> text;
    size_t memory_bytes() const;
  };
  static_assert(sizeof(Node) == 32);
  // A ring of node pointers, with those of the first and the last at hand: where there are no others these are all.
  struct Ring {
    Node* ends[2] = {};  // of one node: the same; of none: null
    std::unique_ptr<Node*[]> slots;  // null: up to two nodes so far
    uint32_t capacity = 0, head = 0, count = 0;
    Node*& slot(size_t i) const { return slots[(head + i) & (capacity - 1)]; }
    Node* operator[](size_t i) const { return slots ? slot(i) : ends[i]; }
    Node* at(End end) const { return ends[static_cast<size_t>(end)]; }
    void set(size_t i, Node* node);
    void insert(size_t i, Node* node);
    void erase(size_t i);
    void grow();
    void find_ends();
  };

  static bool fits(const Node& node, size_t more_bytes, size_t more_elements, const Limits& limits);
  static bool is_plain(std::string_view value, const Limits& limits) { return value.size() >= limits.plain_bytes; }
  static Node* make_node(std::string_view value, const Limits& limits);
  size_t end_index(End end) const { return end == End::head ? 0 : nodes_.count - 1; }
  Node& writable(size_t index);
  void adopt(size_t index, Node* node);  // new in the list
  void drop(size_t index);
  // Accounts for what `change` does to node `index`, which must be writable.
  template <class Change>
  void change_node(size_t index, Change&& change);
  void insert_in_full_node(const Cursor& place, bool after, std::string_view value, const Limits& limits);
  // Makes one node of `index` and its neighbour where both fit into one.
  void merge_around(size_t index, const Limits& limits);
  static void release(Node* node);
  // Where the node is that was number `index` some changes ago; `index` if it is not found near.
  size_t find_again(size_t index, const Node* node) const;
  void compact_ring(Compaction& work);
  void compact_nodes(size_t first, size_t end, Compaction& work);

  Ring nodes_;
  size_t size_ = 0;
  size_t node_bytes_ = 0;
};
static_assert(sizeof(ListObject) == 64);  // one line of the cache leads to both ends

}  // namespace holdfast::node

#include "node/collections/list_object.h"

#include <algorithm>

#include "common/base/assert.h"
#include "node/types/allocation.h"
#include "node/types/touch.h"

namespace holdfast::node {

namespace {

constexpr size_t kMostPackedBytes = 8192;  // of a node limited by its number of elements
// A node of so many bytes is one of a list that grows: its block doubles, up to what a node may have, instead of being
// copied for every few elements.
constexpr size_t kGrowing = 1024;
// A node that comes after a full one at an end begins with this share of what it may have.
constexpr size_t kFirstShare = 4;

size_t most_bytes(const ListObject::Limits& limits) {
  if (limits.fill >= 0) return kMostPackedBytes;
  return size_t{4096} << (static_cast<unsigned>(std::min<int64_t>(-limits.fill, 5)) - 1);
}

size_t string_memory(const std::string& text) {
  return sizeof(std::string) + (text.capacity() < sizeof(std::string) / 2 ? 0 : allocation_size(text.capacity() + 1));
}

}  // namespace

// --- Nodes ---

size_t ListObject::Node::memory_bytes() const {
  return allocation_size(sizeof(Node)) + (pack ? pack.memory_bytes() : string_memory(*text));
}

void ListObject::Ring::grow() {
  const uint32_t larger = std::max<uint32_t>(4, capacity * 2);
  auto fresh = std::make_unique<Node*[]>(larger);
  for (uint32_t i = 0; i < count; ++i) fresh[i] = (*this)[i];
  slots = std::move(fresh);
  capacity = larger;
  head = 0;
}

void ListObject::Ring::find_ends() {
  ends[0] = count == 0 ? nullptr : slot(0);
  ends[1] = count == 0 ? nullptr : slot(count - 1);
}

void ListObject::Ring::set(size_t i, Node* node) {
  if (slots) slot(i) = node;
  if (i == 0) ends[0] = node;
  if (i + 1 == count) ends[1] = node;
}

void ListObject::Ring::insert(size_t i, Node* node) {
  if (!slots && count < 2) {
    if (i == 0) ends[0] = node;
    if (i == count) ends[1] = node;
    ++count;
    return;
  }
  if (!slots || count == capacity) grow();
  ++count;
  if (i < count / 2) {
    head = (head - 1) & (capacity - 1);
    for (size_t k = 0; k < i; ++k) slot(k) = slot(k + 1);
  } else {
    for (size_t k = count - 1; k > i; --k) slot(k) = slot(k - 1);
  }
  slot(i) = node;
  find_ends();
}

void ListObject::Ring::erase(size_t i) {
  if (!slots) {
    Node* const left = --count == 0 ? nullptr : ends[1 - i];
    ends[0] = ends[1] = left;
    return;
  }
  if (i < count / 2) {
    for (size_t k = i; k > 0; --k) slot(k) = slot(k - 1);
    head = (head + 1) & (capacity - 1);
  } else {
    for (size_t k = i; k + 1 < count; ++k) slot(k) = slot(k + 1);
  }
  --count;
  find_ends();
}

ListObject::ListObject() = default;

ListObject::ListObject(const ListObject& other) : Object(other), size_(other.size_), node_bytes_(other.node_bytes_) {
  for (uint32_t i = 0; i < other.nodes_.count; ++i) {
    ++other.nodes_[i]->references;
    nodes_.insert(i, other.nodes_[i]);
  }
}

ListObject::ListObject(ListObject&& other) noexcept
    : Object(other),
      nodes_(std::exchange(other.nodes_, {})),
      size_(std::exchange(other.size_, 0)),
      node_bytes_(std::exchange(other.node_bytes_, 0)) {}

ListObject::~ListObject() {
  for (uint32_t i = 0; i < nodes_.count; ++i) release(nodes_[i]);
}

void ListObject::release(Node* node) {
  if (--node->references == 0) delete node;
}

size_t ListObject::memory_bytes() const {
  return allocation_size(sizeof(ListObject)) +
         (nodes_.capacity > 0 ? allocation_size(nodes_.capacity * sizeof(Node*)) : 0) + node_bytes_;
}

ListObject::Node& ListObject::writable(size_t index) {
  Node* const place = nodes_[index];
  if (place->references == 1) return *place;
  auto* copy = new Node;
  copy->count = place->count;
  if (place->pack) {
    copy->pack = place->pack.clone();
  } else {
    copy->text = std::make_unique<std::string>(*place->text);
  }
  node_bytes_ = node_bytes_ - place->memory_bytes() + copy->memory_bytes();
  --place->references;
  nodes_.set(index, copy);
  return *copy;
}

template <class Change>
void ListObject::change_node(size_t index, Change&& change) {
  Node& node = writable(index);
  node_bytes_ -= node.memory_bytes();
  const uint32_t before = node.count;
  change(node);
  node_bytes_ += node.memory_bytes();
  size_ = size_ - before + node.count;
}

void ListObject::adopt(size_t index, Node* node) {
  nodes_.insert(index, node);
  size_ += node->count;
  node_bytes_ += node->memory_bytes();
}

void ListObject::drop(size_t index) {
  Node* node = nodes_[index];
  nodes_.erase(index);
  size_ -= node->count;
  node_bytes_ -= node->memory_bytes();
  release(node);
}

bool ListObject::fits(const Node& node, size_t more_bytes, size_t more_elements, const Limits& limits) {
  if (!node.pack || !node.pack.has_room_for(more_bytes)) return false;
  if (node.pack.size_bytes() + more_bytes > most_bytes(limits)) return false;
  return limits.fill < 0 || node.count + more_elements <= static_cast<size_t>(std::max<int64_t>(limits.fill, 1));
}

ListObject::Node* ListObject::make_node(std::string_view value, const Limits& limits) {
  auto* node = new Node;
  node->count = 1;
  if (is_plain(value, limits)) {
    node->text = std::make_unique<std::string>(value);
  } else {
    node->pack = Listpack();
    node->pack.append(value);
  }
  return node;
}

bool ListObject::prefetch(unsigned step) const {
  const bool more = prefetch_end(End::tail, step);
  return (nodes_.count > 1 && prefetch_end(End::head, step)) || more;
}

bool ListObject::prefetch_end(End end, unsigned step) const {
  const Node* node = nodes_.at(end);
  if (node == nullptr) return false;
  switch (step) {
    case 0:
      touch(node);
      return true;
    case 1:
      if (node->pack) node->pack.prefetch_front();
      return end == End::tail;
    default:
      if (node->pack) node->pack.prefetch_end();
      return false;
  }
}

// --- The ends ---

void ListObject::push(End end, std::string_view value, const Limits& limits) {
  const Node* beside = nodes_.at(end);
  if (beside == nullptr || is_plain(value, limits)) {
    return adopt(end == End::head ? 0 : nodes_.count, make_node(value, limits));
  }
  const bool in_front = end == End::head;
  const Listpack::Form form(value);
  if (fits(*beside, form.bytes, 1, limits)) {
    Node& node = writable(end_index(end));
    const size_t before = node.pack.memory_bytes();
    if (node.pack.size_bytes() >= kGrowing) node.pack.make_room(form.bytes, in_front, most_bytes(limits));
    node.pack.push(in_front, value, form);
    ++node.count;
    ++size_;
    node_bytes_ += node.pack.memory_bytes() - before;
    return;
  }
  Node* fresh = make_node(value, limits);
  // A full node before it: this one is likely to become as large.
  if (limits.fill < 0 && beside->pack && beside->pack.size_bytes() >= most_bytes(limits) / 2) {
    const size_t share = most_bytes(limits) / kFirstShare;
    if (form.bytes < share / 2) fresh->pack.make_room(share - fresh->pack.size_bytes(), in_front, share);
  }
  adopt(in_front ? 0 : nodes_.count, fresh);
}

ListObject::Element ListObject::peek(End end) const {
  HOLDFAST_ASSERT(size_ > 0);
  const Node& node = *nodes_.at(end);
  if (!node.pack) return {std::nullopt, *node.text};
  return node.pack.get(end == End::head ? node.pack.first() : node.pack.last());
}

void ListObject::drop_end(End end) {
  const size_t index = end_index(end);
  if (nodes_.at(end)->count == 1) return drop(index);
  change_node(index, [&](Node& node) {
    node.pack.erase(end == End::head ? node.pack.first() : node.pack.last());
    --node.count;
  });
}

std::string ListObject::pop(End end) {
  std::string taken;
  pop(end, [&](std::string_view value) { taken = value; });
  return taken;
}

// --- Places ---

ListObject::Element ListObject::Cursor::operator*() const {
  const Node& node = *list_->nodes_[node_];
  if (!node.pack) return {std::nullopt, *node.text};
  return node.pack.get(at_);
}

void ListObject::Cursor::next() {
  const Node& node = *list_->nodes_[node_];
  if (node.pack && (at_ = node.pack.next(at_)) != Listpack::kEnd) return;
  if (++node_ == list_->nodes_.count) {
    list_ = nullptr;
    return;
  }
  const Node& following = *list_->nodes_[node_];
  at_ = following.pack ? following.pack.first() : Listpack::kEnd;
}

void ListObject::Cursor::previous() {
  const Node& node = *list_->nodes_[node_];
  if (node.pack && (at_ = node.pack.previous(at_)) != Listpack::kEnd) return;
  if (node_ == 0) {
    list_ = nullptr;
    return;
  }
  const Node& preceding = *list_->nodes_[--node_];
  at_ = preceding.pack ? preceding.pack.last() : Listpack::kEnd;
}

ListObject::Cursor ListObject::at(int64_t index) const {
  const auto size = static_cast<int64_t>(size_);
  if (index < 0) index += size;
  if (index < 0 || index >= size) return {};
  Cursor cursor;
  cursor.list_ = this;
  if (index <= size / 2) {
    while (index >= nodes_[cursor.node_]->count) index -= nodes_[cursor.node_++]->count;
  } else {
    int64_t behind = size - index;  // elements from here to the end
    cursor.node_ = nodes_.count - 1;
    while (behind > nodes_[cursor.node_]->count) behind -= nodes_[cursor.node_--]->count;
    index = nodes_[cursor.node_]->count - behind;
  }
  const Node& node = *nodes_[cursor.node_];
  cursor.at_ = node.pack ? node.pack.at(index) : Listpack::kEnd;
  cursor.skipped_ = static_cast<uint32_t>(index);
  return cursor;
}

// --- Changes inside ---

void ListObject::insert(const Cursor& place, bool after, std::string_view value, const Limits& limits) {
  if (is_plain(value, limits) || !fits(*nodes_[place.node_], Listpack::element_bytes(value), 1, limits)) {
    return insert_in_full_node(place, after, value, limits);
  }
  change_node(place.node_, [&](Node& node) {
    node.pack.insert(after ? node.pack.next(place.at_) : place.at_, value);
    ++node.count;
  });
}

void ListObject::insert_in_full_node(const Cursor& place, bool after, std::string_view value, const Limits& limits) {
  const size_t index = place.node_;
  const Node& full = *nodes_[index];
  const auto split = !full.pack ? Listpack::kEnd : after ? full.pack.next(place.at_) : place.at_;
  const bool at_front = full.pack ? split == full.pack.first() : !after;
  const bool at_back = full.pack ? split == Listpack::kEnd : after;
  if (at_front || at_back) {
    // Beside the node: a neighbour may have room.
    const size_t neighbour = at_front ? index - 1 : index + 1;
    const bool exists = at_front ? index > 0 : index + 1 < nodes_.count;
    if (exists && !is_plain(value, limits) && fits(*nodes_[neighbour], Listpack::element_bytes(value), 1, limits)) {
      change_node(neighbour, [&](Node& node) {
        at_front ? node.pack.append(value) : node.pack.prepend(value);
        ++node.count;
      });
      return;
    }
    return adopt(at_front ? index : index + 1, make_node(value, limits));
  }
  // In the middle: what lies behind moves into a node of its own.
  auto* rest = new Node;
  rest->pack = Listpack();
  Listpack::Scratch scratch;
  for (auto at = split; at != Listpack::kEnd; at = full.pack.next(at)) {
    rest->pack.append(full.pack.get(at).view(scratch));
    ++rest->count;
  }
  const uint32_t moved = rest->count;
  change_node(index, [&](Node& node) {
    node.pack.erase(split, moved);
    node.count -= moved;
  });
  adopt(index + 1, rest);
  if (!is_plain(value, limits) && fits(*nodes_[index], Listpack::element_bytes(value), 1, limits)) {
    change_node(index, [&](Node& node) {
      node.pack.append(value);
      ++node.count;
    });
  } else {
    adopt(index + 1, make_node(value, limits));
  }
}

void ListObject::replace(const Cursor& place, std::string_view value, const Limits& limits) {
  const Node& node = *nodes_[place.node_];
  if (node.pack && !is_plain(value, limits)) {
    const Element old = node.pack.get(place.at_);
    Listpack::Scratch scratch;
    const size_t before = Listpack::element_bytes(old.view(scratch)), now = Listpack::element_bytes(value);
    if (node.count == 1 || now <= before || fits(node, now - before, 0, limits)) {
      change_node(place.node_, [&](Node& changed) { changed.pack.replace(place.at_, value); });
      return;
    }
  }
  if (node.count == 1) {
    adopt(place.node_ + 1, make_node(value, limits));
    drop(place.node_);
    return;
  }
  insert(place, true, value, limits);
  // The node may have been split behind the place, which stays where it was.
  change_node(place.node_, [&](Node& changed) {
    changed.pack.erase(place.at_);
    --changed.count;
  });
  if (nodes_[place.node_]->count == 0) drop(place.node_);
}

void ListObject::erase(Cursor& place, bool backwards, const Limits& limits) {
  Cursor following = place;
  backwards ? following.previous() : following.next();
  const uint32_t index = place.node_;
  const bool same_node = following && following.node_ == index;
  if (nodes_[index]->count == 1) {
    drop(index);
    if (following && following.node_ > index) --following.node_;
    place = following;
    return;
  }
  change_node(index, [&](Node& node) {
    const auto next = node.pack.erase(place.at_);
    --node.count;
    if (same_node && !backwards) following.at_ = next;
  });
  (void)limits;
  place = following;
}

void ListObject::erase_range(size_t start, size_t count, const Limits& limits) {
  if (count == 0) return;
  const Cursor first = at(static_cast<int64_t>(start));
  size_t index = first.node_;
  auto from = first.at_;
  while (count > 0) {
    const Node& node = *nodes_[index];
    const bool from_front = !node.pack || from == node.pack.first();
    if (from_front && node.count <= count) {
      count -= node.count;
      drop(index);
    } else {
      change_node(index, [&](Node& changed) {
        const size_t before = changed.pack.count();
        changed.pack.erase(from, count);
        const size_t gone = before - changed.pack.count();
        changed.count -= static_cast<uint32_t>(gone);
        count -= gone;
      });
      ++index;
    }
    if (count > 0) from = nodes_[index]->pack ? nodes_[index]->pack.first() : Listpack::kEnd;
  }
  if (index > 0) merge_around(index - 1, limits);
}

void ListObject::merge_around(size_t index, const Limits& limits) {
  if (index + 1 >= nodes_.count) return;
  const Node& left = *nodes_[index];
  const Node& right = *nodes_[index + 1];
  if (!right.pack || !fits(left, right.pack.size_bytes(), right.count, limits)) return;
  change_node(index, [&](Node& node) {
    node.pack.append_all(right.pack);
    node.count += right.count;
  });
  drop(index + 1);
}

// --- Saving and loading ---

ListObject::NodeView ListObject::node(size_t index) const {
  const Node& node = *nodes_[index];
  return node.pack ? NodeView{false, node.pack.bytes()} : NodeView{true, *node.text};
}

bool ListObject::shares() const {
  for (size_t i = 0; i < nodes_.count; ++i) {
    if (nodes_[i]->references > 1) return true;
  }
  return false;
}

void ListObject::load_packed(Listpack pack, const Limits& limits) {
  if (pack.empty()) return;
  auto* node = new Node;
  node->count = static_cast<uint32_t>(pack.count());
  node->pack = std::move(pack);
  adopt(nodes_.count, node);
  if (nodes_.count > 1) merge_around(nodes_.count - 2, limits);
}

void ListObject::load_plain(std::string text) {
  auto* node = new Node;
  node->count = 1;
  node->text = std::make_unique<std::string>(std::move(text));
  adopt(nodes_.count, node);
}

}  // namespace holdfast::node

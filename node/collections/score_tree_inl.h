// The members of ScoreTree. Included by score_tree.h only.
#pragma once

#include "node/collections/score_tree.h"
#include "node/types/touch.h"

namespace holdfast::node {

// --- Looking ---

template <class Member>
template <int kDirection>
void ScoreTree<Member>::Cursor::move() {
  const unsigned bottom = depth_;
  for (;;) {
    if (depth_ == 0) return;
    Step& step = path_[depth_ - 1];
    if (kDirection > 0 ? step.index + 1 < step.node->count : step.index > 0) {
      step.index = kDirection > 0 ? step.index + 1 : step.index - 1;
      break;
    }
    --depth_;
  }
  for (; depth_ < bottom; ++depth_) {
    const Step& above = path_[depth_ - 1];
    const Node* child = static_cast<const Inner*>(above.node)->children[above.index];
    path_[depth_] = {child, kDirection > 0 ? 0 : child->count - 1};
  }
}

template <class Member>
template <class Find>
size_t ScoreTree<Member>::count_by(Find&& find) const {
  if (root_ == nullptr) return 0;
  size_t before = 0;
  const Node* node = root_;
  for (unsigned height = height_; height > 0; --height) {
    const Inner& here = *static_cast<const Inner*>(node);
    const unsigned child = find(here.lowest, 1, here.count) - 1;
    node = here.children[child];
    before += pairs_before(here, child);
  }
  return before + find(static_cast<const Leaf*>(node)->items, 0, node->count);
}

template <class Member>
size_t ScoreTree<Member>::rank(double score, const Member& member) const {
  size_t before = 0;
  const Node* node = root_;
  for (unsigned height = height_; height > 0; --height) {
    const Inner& here = *static_cast<const Inner*>(node);
    unsigned child = place_of_score<true>(here.lowest, 1, here.count, score) - 1;
    if (here.lowest[child].score == score) child = child_for(here, score, member.key());
    node = here.children[child];
    before += pairs_before(here, child);
  }
  const Leaf& leaf = *static_cast<const Leaf*>(node);
  unsigned at = place_of_score<false>(leaf.items, 0, leaf.count, score);
  while (at < leaf.count && leaf.items[at].member != &member) ++at;
  return before + at;
}

template <class Member>
bool ScoreTree<Member>::prefetch(double score, const void*& at, unsigned step) const {
  const Node* node = step == 0 ? root_ : static_cast<const Node*>(at);
  if (node == nullptr) return false;
  if (step == height_) {
    const Item* items = static_cast<const Leaf*>(node)->items;
    touch(items + std::min(place_of_score<false>(items, 0, node->count, score), node->count - 1));
    return false;
  }
  const Inner& here = *static_cast<const Inner*>(node);
  const unsigned child = place_of_score<true>(here.lowest, 1, here.count, score) - 1;
  touch(&here.sizes[child]);
  touch(at = here.children[child]);
  return true;
}

template <class Member>
typename ScoreTree<Member>::Cursor ScoreTree<Member>::at(size_t rank) const {
  Cursor cursor;
  if (rank >= size_) return cursor;
  const Node* node = root_;
  for (unsigned height = height_; height > 0; --height) {
    const Inner& here = *static_cast<const Inner*>(node);
    unsigned child = 0;
    while (rank >= here.sizes[child]) rank -= here.sizes[child++];
    cursor.path_[cursor.depth_++] = {node, child};
    node = here.children[child];
  }
  cursor.path_[cursor.depth_++] = {node, static_cast<unsigned>(rank)};
  return cursor;
}

template <class Member>
bool ScoreTree<Member>::contains(double score, std::string_view member) const {
  if (root_ == nullptr) return false;
  const Node* node = root_;
  for (unsigned height = height_; height > 0; --height) {
    const Inner& here = *static_cast<const Inner*>(node);
    node = here.children[child_for(here, score, member)];
    prefetch(node);
  }
  const Leaf& here = *static_cast<const Leaf*>(node);
  const unsigned place = place_in(here, score, member);
  return place < here.count && here.items[place].score == score && here.items[place].member->key() == member;
}

// --- Nodes ---

template <class Member>
void ScoreTree<Member>::release(Node* node, unsigned height) {
  if (--node->references > 0) return;
  for (unsigned i = 0; i < node->count; ++i) {
    if (height == 0) {
      release_member(*leaf(node).items[i].member);
    } else {
      release(inner(node).children[i], height - 1);
    }
  }
  std::free(node);
}

template <class Member>
typename ScoreTree<Member>::Node* ScoreTree<Member>::writable(Node*& place, unsigned height) {
  if (place->references == 1) return place;
  Node* copy;
  if (height == 0) {
    Leaf* fresh = make<Leaf>();
    *fresh = leaf(place);
    for (unsigned i = 0; i < fresh->count; ++i) retain_member(*fresh->items[i].member);
    copy = fresh;
  } else {
    Inner* fresh = make<Inner>();
    *fresh = inner(place);
    for (unsigned i = 0; i < fresh->count; ++i) ++fresh->children[i]->references;
    copy = fresh;
  }
  copy->references = 1;
  --place->references;
  bytes_ -= kNodeBytes;  // the copy stands in for a node that was counted
  return place = copy;
}

template <class Member>
void ScoreTree<Member>::clear() {
  if (root_ != nullptr) release(root_, height_);
  root_ = nullptr;
  height_ = 0;
  size_ = bytes_ = 0;
}

// --- Insertion ---

template <class Member>
void ScoreTree<Member>::insert(double score, const Member& member) {
  retain_member(member);
  const Item item{score, &member};
  ++size_;
  if (root_ == nullptr) {
    Leaf* only = make<Leaf>();
    only->items[only->count++] = item;
    root_ = only;
    return;
  }
  Node* right = insert_under(root_, height_, item, true);
  if (right == nullptr) return;
  Inner* top = make<Inner>();
  top->count = 2;
  top->children[0] = root_;
  top->children[1] = right;
  refresh(*top, 0, height_);
  refresh(*top, 1, height_);
  root_ = top;
  ++height_;
}

template <class Member>
typename ScoreTree<Member>::Node* ScoreTree<Member>::insert_under(Node*& place, unsigned height, const Item& item, bool last) {
  if (height == 0) return insert_into_leaf(place, item, last);
  Inner& here = inner(writable(place, height));
  unsigned child = child_for(here, item.score, item.member->key());
  prefetch(here.children[child]);
  if (height == 1 && here.children[child]->count == kLeafItems && !(last && child + 1 == here.count)) {
    share_with_neighbour(here, child);
    child = child_for(here, item.score, item.member->key());
  }
  Node* right = insert_under(here.children[child], height - 1, item, last && child + 1 == here.count);
  if (right == nullptr) {
    ++here.sizes[child];
    here.lowest[child] = lowest(here.children[child], height - 1);
    return nullptr;
  }
  refresh(here, child, height - 1);
  return add_child(here, child + 1, right, height);
}

template <class Member>
typename ScoreTree<Member>::Node* ScoreTree<Member>::insert_into_leaf(Node*& place, const Item& item, bool last) {
  Leaf* here = &leaf(writable(place, 0));
  unsigned at = place_in(*here, item.score, item.member->key());
  Leaf* right = nullptr;
  if (here->count == kLeafItems) {
    right = make<Leaf>();
    // Growing at the end leaves full leaves behind; elsewhere half goes to the right.
    const unsigned keep = last && at == kLeafItems ? kLeafItems : kLeafItems / 2 + 1;
    right->count = kLeafItems - keep;
    std::memcpy(right->items, here->items + keep, right->count * sizeof(Item));
    here->count = keep;
    if (at > keep || keep == kLeafItems) {
      at -= keep;
      here = right;
    }
  }
  std::memmove(here->items + at + 1, here->items + at, (here->count - at) * sizeof(Item));
  here->items[at] = item;
  ++here->count;
  return right;
}

template <class Member>
typename ScoreTree<Member>::Node* ScoreTree<Member>::add_child(Inner& node, unsigned index, Node* child, unsigned height) {
  Inner* here = &node;
  Inner* right = nullptr;
  if (here->count == kChildren) {
    right = make<Inner>();
    const unsigned keep = index == kChildren ? kChildren - 1 : kChildren / 2;
    right->count = kChildren - keep;
    std::memcpy(right->lowest, here->lowest + keep, right->count * sizeof(Item));
    std::memcpy(right->children, here->children + keep, right->count * sizeof(Node*));
    std::memcpy(right->sizes, here->sizes + keep, right->count * sizeof(uint32_t));
    here->count = keep;
    if (index > keep) {
      index -= keep;
      here = right;
    }
  }
  const unsigned behind = here->count - index;
  std::memmove(here->lowest + index + 1, here->lowest + index, behind * sizeof(Item));
  std::memmove(here->children + index + 1, here->children + index, behind * sizeof(Node*));
  std::memmove(here->sizes + index + 1, here->sizes + index, behind * sizeof(uint32_t));
  ++here->count;
  here->children[index] = child;
  refresh(*here, index, height - 1);
  return right;
}

template <class Member>
void ScoreTree<Member>::share_with_neighbour(Inner& node, unsigned index) {
  const auto room = [&](unsigned i) { return i < node.count ? kLeafItems - node.children[i]->count : 0; };
  const unsigned before = room(index - 1), after = room(index + 1);  // index - 1 wraps to no child
  const unsigned most = std::max(before, after);
  if (most < kLeafItems / 8) return;
  const int moved = static_cast<int>(most / 2 + 1);
  if (after >= before) {
    shift(node, index, moved, 0);
  } else {
    shift(node, index - 1, -moved, 0);
  }
}

template <class Member>
void ScoreTree<Member>::shift(Inner& node, unsigned index, int elements, unsigned child_height) {
  Node* left = writable(node.children[index], child_height);
  Node* right = writable(node.children[index + 1], child_height);
  const unsigned count = static_cast<unsigned>(elements > 0 ? elements : -elements);
  const auto move = [&](auto* from_left, auto* from_right) {
    constexpr size_t kBytes = sizeof(*from_left);
    if (elements > 0) {
      std::memmove(from_right + count, from_right, right->count * kBytes);
      std::memcpy(from_right, from_left + left->count - count, count * kBytes);
    } else {
      std::memcpy(from_left + left->count, from_right, count * kBytes);
      std::memmove(from_right, from_right + count, (right->count - count) * kBytes);
    }
  };
  if (child_height == 0) {
    move(leaf(left).items, leaf(right).items);
  } else {
    move(inner(left).lowest, inner(right).lowest);
    move(inner(left).children, inner(right).children);
    move(inner(left).sizes, inner(right).sizes);
  }
  left->count -= static_cast<uint32_t>(elements);
  right->count += static_cast<uint32_t>(elements);
  refresh(node, index, child_height);
  if (right->count > 0) refresh(node, index + 1, child_height);
}

// --- Removal ---

template <class Member>
bool ScoreTree<Member>::erase(double score, std::string_view member) {
  if (!contains(score, member)) return false;
  // The bytes may lie in the member that goes.
  erase_under(root_, height_, score, member);
  --size_;
  while (height_ > 0 && root_->count == 1) {
    Node* only = inner(root_).children[0];
    std::free(root_);
    bytes_ -= kNodeBytes;
    root_ = only;
    --height_;
  }
  if (size_ == 0) clear();
  return true;
}

template <class Member>
void ScoreTree<Member>::erase_under(Node*& place, unsigned height, double score, std::string_view member) {
  Node* node = writable(place, height);
  if (height == 0) {
    Leaf& here = leaf(node);
    const unsigned at = place_in(here, score, member);
    const Member* gone = here.items[at].member;
    std::memmove(here.items + at, here.items + at + 1, (here.count - at - 1) * sizeof(Item));
    --here.count;
    release_member(*gone);
    return;
  }
  Inner& here = inner(node);
  const unsigned child = child_for(here, score, member);
  erase_under(here.children[child], height - 1, score, member);
  --here.sizes[child];
  const Node* below = here.children[child];
  if (below->count > 0) here.lowest[child] = lowest(below, height - 1);
  if (here.count > 1 && below->count < (height == 1 ? kFewItems : kFewChildren)) refill(here, child, height - 1);
}

template <class Member>
void ScoreTree<Member>::refill(Inner& node, unsigned index, unsigned child_height) {
  const unsigned left = index > 0 ? index - 1 : 0;
  const unsigned most = child_height == 0 ? kLeafItems : kChildren;
  const uint32_t left_count = node.children[left]->count, right_count = node.children[left + 1]->count;
  if (left_count + right_count > most * 3 / 4) {
    const int even = static_cast<int>(left_count + right_count) / 2;
    shift(node, left, static_cast<int>(left_count) - even, child_height);
    return;
  }
  shift(node, left, -static_cast<int>(right_count), child_height);
  std::free(node.children[left + 1]);
  bytes_ -= kNodeBytes;
  const unsigned behind = node.count - left - 2;
  std::memmove(node.lowest + left + 1, node.lowest + left + 2, behind * sizeof(Item));
  std::memmove(node.children + left + 1, node.children + left + 2, behind * sizeof(Node*));
  std::memmove(node.sizes + left + 1, node.sizes + left + 2, behind * sizeof(uint32_t));
  --node.count;
}

// --- Compaction ---

template <class Member>
void ScoreTree<Member>::replace(double score, const Member& before, const Member& after) {
  retain_member(after);
  Node** place = &root_;
  for (unsigned height = height_; height > 0; --height) {
    Inner& here = inner(writable(*place, height));
    unsigned child = place_of_score<true>(here.lowest, 1, here.count, score) - 1;
    if (here.lowest[child].score == score) child = child_for(here, score, before.key());
    if (here.lowest[child].member == &before) here.lowest[child].member = &after;
    place = &here.children[child];
  }
  Leaf& here = leaf(writable(*place, 0));
  unsigned at = place_of_score<false>(here.items, 0, here.count, score);
  while (here.items[at].member != &before) ++at;
  here.items[at].member = &after;
  release_member(before);
}

template <class Member>
size_t ScoreTree<Member>::compact(size_t rank, Compaction& work) {
  if (rank >= size_) return 0;
  const size_t stopped = compact_under(root_, height_, rank, work);
  return stopped >= size_ ? 0 : stopped;
}

template <class Member>
size_t ScoreTree<Member>::compact_under(Node*& place, unsigned height, size_t rank, Compaction& work) {
  if (place->references > 1) {  // and with it all below
    work.spend(1);
    return pairs(place, height);
  }
  if (void* better = work.place_for(place, kNodeBytes, BlockKind::plain); better != nullptr) {
    std::memcpy(better, static_cast<void*>(place), kNodeBytes);
    work.release(place, BlockKind::plain);
    place = static_cast<Node*>(better);
  }
  if (height == 0) return place->count;
  Inner& here = inner(place);
  unsigned child = 0;
  size_t before = 0;
  while (rank >= here.sizes[child]) {
    rank -= here.sizes[child];
    before += here.sizes[child++];
  }
  do {
    const size_t below = compact_under(here.children[child], height - 1, rank, work);
    before += below;
    if (below < here.sizes[child]) break;  // stopped inside
    rank = 0;
  } while (++child < here.count && !work.enough());
  return before;
}

// --- Checking ---

template <class Member>
bool ScoreTree<Member>::check() const {
  if (root_ == nullptr) return size_ == 0 && height_ == 0 && bytes_ == 0;
  const Item* previous = nullptr;
  return check_under(root_, height_, previous) && pairs(root_, height_) == size_;
}

template <class Member>
bool ScoreTree<Member>::check_under(const Node* node, unsigned height, const Item*& previous) {
  if (node->count == 0 || node->references == 0) return false;
  if (height == 0) {
    for (unsigned i = 0; i < node->count; ++i) {
      const Item& item = static_cast<const Leaf*>(node)->items[i];
      if (previous != nullptr && !comes_after(item, previous->score, previous->member->key())) return false;
      previous = &item;
    }
    return true;
  }
  const Inner& here = *static_cast<const Inner*>(node);
  for (unsigned i = 0; i < here.count; ++i) {
    const Item& first = lowest(here.children[i], height - 1);
    if (here.lowest[i].score != first.score || here.lowest[i].member != first.member) return false;
    if (here.sizes[i] != pairs(here.children[i], height - 1)) return false;
    if (!check_under(here.children[i], height - 1, previous)) return false;
  }
  return true;
}

}  // namespace holdfast::node

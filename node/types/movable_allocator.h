// An allocator for standard containers whose blocks compaction moves, and how it does: the container's own copy is made
// while the allocation that it takes is answered with the place found for it, and what it leaves is released there too.
// At all other times it is std::allocator. Compaction happens on the executor thread; containers may live on any.
#pragma once

#include <cstddef>
#include <iterator>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/types/block_mover.h"

namespace holdfast::node {

// While it lives, this thread's next allocation of `bytes` through a MovableAllocator gets `place`, and what is freed
// through one goes to the compaction.
class BlockSwap {
 public:
  BlockSwap(Compaction& work, void* place, size_t bytes) : work_(work), place_(place), bytes_(bytes) { current_ = this; }
  ~BlockSwap() {
    current_ = nullptr;
    if (place_ != nullptr) work_.release(place_, BlockKind::object);
  }
  BlockSwap(const BlockSwap&) = delete;
  BlockSwap& operator=(const BlockSwap&) = delete;

  static BlockSwap* current() { return current_; }
  void* take(size_t bytes) { return bytes == bytes_ ? std::exchange(place_, nullptr) : nullptr; }
  void release(void* block) { work_.release(block, BlockKind::object); }

 private:
  static inline constinit thread_local BlockSwap* current_ = nullptr;
  Compaction& work_;
  void* place_;
  size_t bytes_;
};

template <class T>
class MovableAllocator {
 public:
  using value_type = T;
  MovableAllocator() = default;
  template <class Other>
  MovableAllocator(const MovableAllocator<Other>&) noexcept {}  // NOLINT(google-explicit-constructor)

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    if (BlockSwap* swap = BlockSwap::current(); swap != nullptr) [[unlikely]] {
      if (void* place = swap->take(bytes); place != nullptr) return static_cast<T*>(place);
    }
    return static_cast<T*>(::operator new(bytes));
  }
  void deallocate(T* block, size_t count) noexcept {
    if (BlockSwap* swap = BlockSwap::current(); swap != nullptr) [[unlikely]] return swap->release(block);
    ::operator delete(block, count * sizeof(T));
  }
  template <class Other>
  bool operator==(const MovableAllocator<Other>&) const noexcept {
    return true;
  }
};

template <class T>
using MovableVector = std::vector<T, MovableAllocator<T>>;
using MovableString = std::basic_string<char, std::char_traits<char>, MovableAllocator<char>>;

// Each moves a block if it should leave its slab; nothing else of the container changes, its capacity neither.
template <class T>
void compact_vector(MovableVector<T>& vector, Compaction& work) {
  if (vector.capacity() == 0) return;
  const size_t bytes = vector.capacity() * sizeof(T);
  void* place = work.place_for(vector.data(), bytes, BlockKind::object);
  if (place == nullptr) return;
  const BlockSwap swap(work, place, bytes);
  MovableVector<T> fresh;
  fresh.reserve(vector.capacity());
  fresh.insert(fresh.end(), std::move_iterator(vector.begin()), std::move_iterator(vector.end()));
  vector.swap(fresh);
}

inline void compact_string(MovableString& text, Compaction& work) {
  if (text.capacity() < sizeof(MovableString) / 2) return;  // inside the string itself
  const size_t bytes = text.capacity() + 1;
  void* place = work.place_for(text.data(), bytes, BlockKind::object);
  if (place == nullptr) return;
  const BlockSwap swap(work, place, bytes);
  MovableString fresh(text.capacity(), '\0');  // reserve() would round up
  fresh.assign(text);
  text.swap(fresh);
}

// Of a std::set or std::map: the node of one element; the iterator is the element's from then on.
template <class Tree>
typename Tree::iterator compact_node(Tree& tree, typename Tree::iterator at, Compaction& work) {
  constexpr size_t kBytes = 4 * sizeof(void*) + sizeof(typename Tree::value_type);
  void* place = work.place_for(&*at, kBytes, BlockKind::object);
  if (place == nullptr) return at;
  const BlockSwap swap(work, place, kBytes);
  const auto next = std::next(at);
  auto left = tree.extract(at);
  if constexpr (requires { typename Tree::mapped_type; }) {
    return tree.emplace_hint(next, std::move(left.key()), std::move(left.mapped()));
  } else {
    return tree.emplace_hint(next, std::move(left.value()));
  }
}

}  // namespace holdfast::node

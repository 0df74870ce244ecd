// A set of 64-bit integers as one sorted array, the packed form of small sets of integers. The same layout as in Redis's
// RDB files: bytes of an integer (4: 2, 4 or 8), number of integers (4), the integers in ascending order; little endian.
//
// The integers' width is what the widest one needs; it never shrinks. Not thread-safe. Blocks from outside go through
// validate() first; every other function expects a valid block.
#pragma once

#include <cstdint>
#include <string_view>

#include "node/types/movable_allocator.h"

namespace holdfast::node {

class Intset {
 public:
  Intset();
  static Intset copy_of(std::string_view block);
  // Sizes fit, and the integers ascend.
  static bool validate(std::string_view block);
  std::string_view bytes() const { return block_; }

  size_t size() const;
  size_t memory_bytes() const;
  bool contains(int64_t value) const { return find(value).found; }
  int64_t operator[](size_t index) const { return get(index, width()); }
  // False when nothing changed.
  bool insert(int64_t value);
  bool erase(int64_t value);
  // Moves the block if it should leave its slab.
  void compact(Compaction& work) { compact_string(block_, work); }

 private:
  struct Found {
    bool found;
    size_t index;  // its own, or that of the next higher one
  };
  size_t width() const;
  Found find(int64_t value) const;
  int64_t get(size_t index, size_t width) const;
  void put(size_t index, size_t width, int64_t value);
  void widen(size_t to);
  void set_header(size_t width, size_t size);

  MovableString block_;
};

}  // namespace holdfast::node

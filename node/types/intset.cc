#include "node/types/intset.h"

#include <cstring>

#include "node/types/allocation.h"

namespace holdfast::node {

namespace {

constexpr size_t kHeaderBytes = 8;

uint64_t read_bytes(const char* from, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value |= uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
  return value;
}

void write_bytes(char* to, uint64_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) to[i] = static_cast<char>(value >> (8 * i));
}

size_t width_for(int64_t value) {
  if (value >= INT16_MIN && value <= INT16_MAX) return 2;
  return value >= INT32_MIN && value <= INT32_MAX ? 4 : 8;
}

}  // namespace

Intset::Intset() : block_(kHeaderBytes, '\0') { set_header(2, 0); }

Intset Intset::copy_of(std::string_view block) {
  Intset copy;
  copy.block_ = block;
  return copy;
}

bool Intset::validate(std::string_view block) {
  if (block.size() < kHeaderBytes) return false;
  const size_t width = read_bytes(block.data(), 4), size = read_bytes(block.data() + 4, 4);
  if ((width != 2 && width != 4 && width != 8) || size == 0 || block.size() != kHeaderBytes + width * size) return false;
  const Intset set = copy_of(block);
  for (size_t i = 1; i < size; ++i) {
    if (set[i - 1] >= set[i]) return false;
  }
  return true;
}

size_t Intset::width() const { return read_bytes(block_.data(), 4); }
size_t Intset::size() const { return read_bytes(block_.data() + 4, 4); }

size_t Intset::memory_bytes() const {
  return block_.capacity() < sizeof block_ / 2 ? 0 : allocation_size(block_.capacity() + 1);
}

void Intset::set_header(size_t width, size_t size) {
  write_bytes(block_.data(), width, 4);
  write_bytes(block_.data() + 4, size, 4);
}

int64_t Intset::get(size_t index, size_t width) const {
  const unsigned shift = static_cast<unsigned>(64 - 8 * width);
  return static_cast<int64_t>(read_bytes(block_.data() + kHeaderBytes + index * width, width) << shift) >> shift;
}

void Intset::put(size_t index, size_t width, int64_t value) {
  write_bytes(block_.data() + kHeaderBytes + index * width, static_cast<uint64_t>(value), width);
}

Intset::Found Intset::find(int64_t value) const {
  const size_t bytes = width();
  size_t low = 0, high = size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const int64_t here = get(middle, bytes);
    if (here == value) return {true, middle};
    if (here < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return {false, low};
}

void Intset::widen(size_t to) {
  const size_t from = width(), count = size();
  block_.resize(kHeaderBytes + count * to);
  for (size_t i = count; i > 0; --i) put(i - 1, to, get(i - 1, from));
  set_header(to, count);
}

bool Intset::insert(int64_t value) {
  if (width_for(value) > width()) widen(width_for(value));
  const Found place = find(value);
  if (place.found) return false;
  const size_t bytes = width(), count = size();
  char encoded[8];
  write_bytes(encoded, static_cast<uint64_t>(value), bytes);
  block_.insert(kHeaderBytes + place.index * bytes, encoded, bytes);
  set_header(bytes, count + 1);
  return true;
}

bool Intset::erase(int64_t value) {
  const Found place = find(value);
  if (!place.found) return false;
  const size_t bytes = width(), count = size();
  block_.erase(kHeaderBytes + place.index * bytes, bytes);
  set_header(bytes, count - 1);
  if (block_.capacity() > 2 * block_.size() + 64) block_.shrink_to_fit();
  return true;
}

}  // namespace holdfast::node

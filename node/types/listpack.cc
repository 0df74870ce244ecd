#include "node/types/listpack.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "node/types/allocation.h"
#include "node/types/block_mover.h"
#include "node/types/listpack_codec.h"

namespace holdfast::node {
using namespace listpack;  // the codec

namespace {

uint8_t* put_element(uint8_t* to, std::string_view value, const Listpack::Form& form) {
  return put_back_length(form.integer ? put_integer(to, *form.integer) : put_text(to, value), form.length);
}

}  // namespace

Listpack::Form::Form(std::string_view value)
    : integer(parse_int64(value)),
      length(integer ? integer_bytes(*integer) : text_head_bytes(value.size()) + value.size()),
      bytes(length + back_length_bytes(length)) {}

Listpack::Encoded::Encoded(std::string_view value) {
  const Form form(value);
  put_element(room(form.length), value, form);
}

Listpack::Encoded::Encoded(int64_t value) {
  const size_t length = integer_bytes(value);
  put_back_length(put_integer(room(length), value), length);
}

uint8_t* Listpack::Encoded::room(size_t length) {
  size_ = length + back_length_bytes(length);
  if (size_ > sizeof inline_) {
    large_ = std::make_unique_for_overwrite<uint8_t[]>(size_);
    data_ = large_.get();
  }
  return data_;
}

std::string_view Listpack::Element::view(Scratch& scratch) const {
  if (!integer) return text;
  const char* end = std::to_chars(scratch.text, scratch.text + sizeof scratch.text, *integer).ptr;
  return {scratch.text, static_cast<size_t>(end - scratch.text)};
}

bool Listpack::Element::equals(std::string_view other) const {
  Scratch scratch;
  return view(scratch) == other;
}

// --- The block ---

Listpack::Listpack() {
  reserve(kHeaderBytes + 1);
  put_little_endian(data_, kHeaderBytes + 1, 4);
  put_little_endian(data_ + 4, 0, 2);
  data_[kHeaderBytes] = kEndByte;
}

Listpack::~Listpack() { std::free(allocated()); }

Listpack::Listpack(Listpack&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      capacity_(std::exchange(other.capacity_, 0)),
      front_(std::exchange(other.front_, 0)) {}

Listpack& Listpack::operator=(Listpack&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(capacity_, other.capacity_);
  std::swap(front_, other.front_);
  return *this;
}

Listpack Listpack::copy_of(std::string_view block) {
  Listpack copy(nullptr);
  copy.reserve(block.size());
  std::memcpy(copy.data_, block.data(), block.size());
  return copy;
}

// Moves the block so that it has `front` unused bytes before it.
void Listpack::slide(uint32_t front) {
  if (front == front_) return;
  uint8_t* const place = allocated() + front;
  std::memmove(place, data_, size_bytes());
  data_ = place;
  front_ = front;
}

void Listpack::reserve(size_t bytes) {
  if (bytes <= room()) return;
  if (front_ > 0) {
    // What is free is shared by both ends: pushes that come at both move the block a few times, not every time.
    slide(bytes <= capacity_ ? static_cast<uint32_t>((capacity_ - bytes) / 2) : 0);
    if (bytes <= room()) return;
  }
  const size_t larger = allocation_size(bytes);
  void* grown = std::realloc(data_, larger);
  if (grown == nullptr) throw std::bad_alloc();
  data_ = static_cast<uint8_t*>(grown);
  capacity_ = static_cast<uint32_t>(larger);
}

void Listpack::reserve_front(size_t bytes) {
  if (bytes <= front_) return;
  const size_t size = size_bytes();
  if (size + bytes <= capacity_) {
    return slide(static_cast<uint32_t>(bytes + (capacity_ - size - bytes) / 2));
  }
  grow_front(allocation_size(size + bytes));
}

void Listpack::grow_front(size_t larger) {
  const size_t size = size_bytes();
  auto* grown = static_cast<uint8_t*>(std::malloc(larger));
  if (grown == nullptr) throw std::bad_alloc();
  const auto front = static_cast<uint32_t>(larger - size);
  std::memcpy(grown + front, data_, size);
  std::free(allocated());
  data_ = grown + front;
  capacity_ = static_cast<uint32_t>(larger);
  front_ = front;
}

void Listpack::make_room(size_t bytes, bool in_front, size_t most) {
  const size_t size = size_bytes();
  if (size + bytes <= capacity_) return;  // inside, there is some
  const size_t larger = allocation_size(std::max(size + bytes, std::min(2 * size, most)));
  if (in_front) {
    grow_front(larger);
  } else {
    reserve(larger);
  }
}

void Listpack::shrink_to_fit() {
  const size_t smaller = allocation_size(size_bytes());
  if (smaller >= capacity_) return;
  slide(0);
  void* shrunk = std::realloc(data_, smaller);
  if (shrunk == nullptr) return;
  data_ = static_cast<uint8_t*>(shrunk);
  capacity_ = static_cast<uint32_t>(smaller);
}

void Listpack::compact(Compaction& work) { compact(work.slab_to_leave(allocated()), work); }

void Listpack::compact(size_t slab_bytes, Compaction& work) {
  uint8_t* const left = allocated();
  auto* place = static_cast<uint8_t*>(work.place_for(left, slab_bytes, capacity_, BlockKind::plain));
  if (place == nullptr) return;
  std::memcpy(place + front_, data_, size_bytes());
  data_ = place + front_;
  work.release(left, BlockKind::plain);
}

size_t Listpack::count() const {
  const size_t known = load_word<uint16_t>(data_ + 4);
  if (known != kCountUnknown) return known;
  size_t counted = 0;
  for (Position at = first(); at != kEnd; at = next(at)) ++counted;
  return counted;
}

void Listpack::set_count(size_t count) { store_word(data_ + 4, static_cast<uint16_t>(std::min(count, kCountUnknown))); }

bool Listpack::validate(std::string_view block) {
  const auto* data = reinterpret_cast<const uint8_t*>(block.data());
  if (block.size() < kHeaderBytes + 1 || block.size() > UINT32_MAX || little_endian(data, 4) != block.size() ||
      data[block.size() - 1] != kEndByte) {
    return false;
  }
  const size_t end = block.size() - 1;
  size_t at = kHeaderBytes, counted = 0;
  while (at < end) {
    const uint8_t byte = data[at];
    if (byte > kInt64 || end - at < head_bytes(byte)) return false;
    const size_t length = read_head(data + at).length();
    const size_t back = back_length_bytes(length);
    if (length > end - at || back > end - at - length) return false;
    if (read_back_length(data + at + length + back - 1, data + kHeaderBytes) != length) return false;
    at += length + back;
    ++counted;
  }
  const size_t said = little_endian(data + 4, 2);
  return said == kCountUnknown || said == counted;
}

// --- Positions ---

Listpack::Position Listpack::next(Position at) const {
  const size_t length = read_head(data_ + at).length();
  const auto following = static_cast<Position>(at + length + back_length_bytes(length));
  return data_[following] == kEndByte ? kEnd : following;
}

Listpack::Position Listpack::previous(Position at) const {
  if (at == kHeaderBytes) return kEnd;
  const Position behind = at == kEnd ? end_offset() : at;
  if (behind == kHeaderBytes) return kEnd;
  const size_t length = read_back_length(data_ + behind - 1, data_ + kHeaderBytes);
  return static_cast<Position>(behind - length - back_length_bytes(length));
}

Listpack::Position Listpack::last() const { return previous(kEnd); }

Listpack::Position Listpack::at(int64_t index) const {
  const size_t known = load_word<uint16_t>(data_ + 4);
  if (known != kCountUnknown) {
    const auto count = static_cast<int64_t>(known);
    if (index >= count || index < -count) return kEnd;
    // From the nearer end.
    if (index >= 0 && index > count / 2) index -= count;
    if (index < 0 && -index > count / 2 + 1) index += count;
  }
  Position position = index >= 0 ? first() : last();
  for (; index > 0 && position != kEnd; --index) position = next(position);
  for (; index < -1 && position != kEnd; ++index) position = previous(position);
  return position;
}

Listpack::Element Listpack::get(Position at) const {
  const uint8_t* from = data_ + at;
  const uint8_t byte = from[0];
  if (byte < 0x80) return {int64_t{byte}, {}};
  const auto text = [&](Head head) {
    return Element{std::nullopt, {reinterpret_cast<const char*>(from + head.head), head.text}};
  };
  if (byte < kInt13) return text(read_head(from));
  if (byte < kText12) return {sign_extended(static_cast<uint64_t>(byte & 0x1f) << 8 | from[1], 13), {}};
  if (byte <= kText32) return text(read_head(from));
  const size_t bytes = byte == kInt64 ? 8 : static_cast<size_t>(byte - kInt16) + 2;
  return {sign_extended(little_endian(from + 1, bytes), static_cast<unsigned>(bytes * 8)), {}};
}

Listpack::Position Listpack::find(Position from, std::string_view value, size_t step) const {
  if (from == kEnd) return kEnd;
  const auto integer = parse_int64(value);
  // Names that are alike differ at their ends.
  const auto same = [&](const uint8_t* text, size_t length) {
    return length == value.size() && (length == 0 || (text[length - 1] == static_cast<uint8_t>(value[length - 1]) &&
                                                      std::memcmp(text, value.data(), length - 1) == 0));
  };
  size_t passing = 0;  // elements that are not looked at, before the next that is
  for (const uint8_t* at = data_ + from; *at != kEndByte; passing = passing == 0 ? step - 1 : passing - 1) {
    const uint8_t byte = *at;
    if (byte >= kText6 && byte < kInt13) {
      const size_t length = byte & 0x3f;
      if (passing == 0 && same(at + 1, length)) return static_cast<Position>(at - data_);
      at += length + 2;
      continue;
    }
    const Head head = read_head(at);
    if (passing == 0) {
      const auto position = static_cast<Position>(at - data_);
      if (byte >= kText12 && byte <= kText32) {
        // A block from outside may hold as text what we would keep as an integer.
        if (same(at + head.head, head.text)) return position;
      } else if (integer && get(position).integer == integer) {
        return position;
      }
    }
    at += head.length() + back_length_bytes(head.length());
  }
  return kEnd;
}

// --- Changes ---

// Puts `encoded` in the place of `removed` bytes at `at`.
Listpack::Position Listpack::splice(Position at, size_t removed, std::string_view encoded, int64_t count_change) {
  const size_t before = size_bytes();
  const size_t after = before - removed + encoded.size();
  HOLDFAST_ASSERT(after <= kMostBytes + 16);
  const ptrdiff_t growth = static_cast<ptrdiff_t>(encoded.size()) - static_cast<ptrdiff_t>(removed);
  const size_t behind = before - at - removed;
  if (growth > 0 && at == kHeaderBytes && behind > 1) reserve_front(static_cast<size_t>(growth));
  if (at < behind && growth <= static_cast<ptrdiff_t>(front_)) {
    // What lies before is less: it moves.
    std::memmove(data_ - growth, data_, at);
    data_ -= growth;
    front_ = static_cast<uint32_t>(front_ - growth);
  } else {
    reserve(after);
    std::memmove(data_ + at + encoded.size(), data_ + at + removed, behind);
  }
  if (!encoded.empty()) std::memcpy(data_ + at, encoded.data(), encoded.size());
  store_word(data_, static_cast<uint32_t>(after));
  if (count_change != 0) {
    const size_t known = load_word<uint16_t>(data_ + 4);
    if (known != kCountUnknown) {
      set_count(known + static_cast<size_t>(count_change));
    } else if (count_change < 0) {
      set_count(count());  // perhaps few enough again to be kept
    }
  }
  if (after * 2 < capacity_) shrink_to_fit();
  return at;
}

Listpack::Position Listpack::insert(Position at, const Encoded& value) {
  return splice(at == kEnd ? end_offset() : at, 0, value.bytes(), 1);
}

void Listpack::append_pair(std::string_view first, std::string_view second) {
  const Encoded one(first), other(second);
  const size_t before = size_bytes(), after = before + one.bytes().size() + other.bytes().size();
  HOLDFAST_ASSERT(after <= kMostBytes + 32);
  reserve(after);
  uint8_t* at = data_ + before - 1;
  at = std::copy_n(reinterpret_cast<const uint8_t*>(one.bytes().data()), one.bytes().size(), at);
  at = std::copy_n(reinterpret_cast<const uint8_t*>(other.bytes().data()), other.bytes().size(), at);
  *at = kEndByte;
  store_word(data_, static_cast<uint32_t>(after));
  const size_t known = load_word<uint16_t>(data_ + 4);
  if (known != kCountUnknown) set_count(known + 2);
}

void Listpack::push(bool in_front, std::string_view value, const Form& form) {
  const size_t before = size_bytes();
  const size_t known = load_word<uint16_t>(data_ + 4);
  const bool room_here = in_front ? form.bytes <= front_ : before + form.bytes <= room();
  if (!room_here || known == kCountUnknown) {
    splice(in_front ? Position{kHeaderBytes} : end_offset(), 0, Encoded(value).bytes(), 1);
    return;
  }
  uint8_t* at = data_ + before - 1;
  if (in_front) {  // the header moves
    data_ -= form.bytes;
    front_ -= static_cast<uint32_t>(form.bytes);
    at = data_ + kHeaderBytes;
  }
  uint8_t* const end = put_element(at, value, form);
  if (!in_front) *end = kEndByte;
  store_word(data_, static_cast<uint32_t>(before + form.bytes));
  set_count(known + 1);
}

void Listpack::append(int64_t value) { splice(end_offset(), 0, Encoded(value).bytes(), 1); }

Listpack::Position Listpack::replace(Position at, std::string_view value) {
  const Head head = read_head(data_ + at);
  const size_t length = head.length();
  // A text of the same length goes over the old one.
  if (head.text == value.size() && !value.empty() && !parse_int64(value)) {
    std::memcpy(data_ + at + head.head, value.data(), value.size());
    return at;
  }
  return splice(at, length + back_length_bytes(length), Encoded(value).bytes(), 0);
}

Listpack::Position Listpack::replace(Position at, int64_t value) {
  const size_t length = read_head(data_ + at).length();
  if (length == integer_bytes(value)) {
    put_integer(data_ + at, value);
    return at;
  }
  return splice(at, length + back_length_bytes(length), Encoded(value).bytes(), 0);
}

Listpack::Appender::Appender(Listpack& pack, size_t bytes) : pack_(pack) {
  const size_t needed = pack.size_bytes() + bytes;
  HOLDFAST_ASSERT(needed <= kMostBytes + kMostBytes / 2);
  const size_t larger = size_t{pack.capacity_} + pack.capacity_ / 2;
  if (needed > pack.room()) pack.reserve(needed <= pack.capacity_ ? needed : std::max(needed, larger));
  at_ = pack.data_ + pack.end_offset();
}

void Listpack::Appender::add(std::string_view value) {
  ++added_;
  constexpr size_t kLongestInteger = 20;  // as text
  if (const auto integer = value.size() <= kLongestInteger ? parse_int64(value) : std::nullopt) {
    const size_t length = integer_bytes(*integer);
    at_ = put_back_length(put_integer(at_, *integer), length);
    return;
  }
  const size_t length = text_head_bytes(value.size()) + value.size();
  at_ = put_back_length(put_text(at_, value), length);
}

void Listpack::Appender::add(int64_t value) {
  ++added_;
  if (value >= 0 && value <= 127) {
    at_[0] = static_cast<uint8_t>(value);
    at_[1] = 1;
    at_ += 2;
    return;
  }
  at_ = put_back_length(put_integer(at_, value), integer_bytes(value));
}

Listpack::Appender::~Appender() {
  *at_ = kEndByte;
  store_word(pack_.data_, static_cast<uint32_t>(at_ + 1 - pack_.data_));
  const size_t known = load_word<uint16_t>(pack_.data_ + 4);
  if (known != kCountUnknown) pack_.set_count(known + added_);
}

Listpack::Position Listpack::erase(Position at, size_t count) {
  Position end = at;
  size_t gone = 0;
  for (; gone < count && end != kEnd; ++gone) end = next(end);
  const Position stop = end == kEnd ? end_offset() : end;
  splice(at, stop - at, {}, -static_cast<int64_t>(gone));
  return data_[at] == kEndByte ? kEnd : at;
}

void Listpack::append_all(const Listpack& other) {
  const std::string_view block = other.bytes();
  splice(end_offset(), 0, block.substr(kHeaderBytes, block.size() - kHeaderBytes - 1),
         static_cast<int64_t>(other.count()));
}

size_t Listpack::element_bytes(int64_t value) { return integer_bytes(value) + 1; }

}  // namespace holdfast::node

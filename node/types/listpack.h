// A listpack: a sequence of strings and integers in one block of bytes, the packed form of small collections. The same
// layout as in Redis's RDB files, so saving and loading are copies.
//
//   total bytes (4, little endian) | number of elements (2; 65535: not known) | elements | 0xff
//   element = encoding and data | length of that, seven bits a byte, to be read backwards
//
// There may be unused room behind the block and before it, so that changes near either end move little.
//
// Source: the listpack specification that Redis publishes. Text that is a canonical 64-bit integer is kept as one, so a
// reader gets integers as text through a scratch buffer. Not thread-safe; positions are valid until a change.
// Errors: blocks from outside go through validate() first; every other function expects a valid block.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "node/types/touch.h"

namespace holdfast::node {

class Compaction;

class Listpack {
 public:
  static constexpr size_t kHeaderBytes = 6;
  static constexpr size_t kPrefetchedBytes = 768;  // of a small collection that is likely to be searched
  static constexpr size_t kMostBytes = size_t{1} << 30;
  // Room for the text of an integer element.
  struct Scratch {
    char text[24];
  };

  // An element's value: text, or an integer.
  struct Element {
    std::optional<int64_t> integer;
    std::string_view text;  // when it is no integer; points into the block
    std::string_view view(Scratch& scratch) const;
    bool equals(std::string_view other) const;
  };

  Listpack();
  explicit Listpack(std::nullptr_t) {}  // no block: false, and fit only to be assigned to
  explicit operator bool() const { return data_ != nullptr; }
  ~Listpack();
  Listpack(Listpack&& other) noexcept;
  Listpack& operator=(Listpack&& other) noexcept;
  Listpack(const Listpack&) = delete;
  Listpack& operator=(const Listpack&) = delete;
  Listpack clone() const { return copy_of(bytes()); }

  // A copy of a block that validate() accepted.
  static Listpack copy_of(std::string_view block);
  // Whether the block is a listpack to the last byte: sizes, encodings and lengths backwards fit, and nothing points
  // outside.
  static bool validate(std::string_view block);

  std::string_view bytes() const { return {reinterpret_cast<const char*>(data_), size_bytes()}; }
  size_t size_bytes() const {
    static_assert(std::endian::native == std::endian::little);
    uint32_t bytes;
    std::memcpy(&bytes, data_, sizeof bytes);
    return bytes;
  }
  size_t memory_bytes() const { return capacity_; }  // allocated
  // Ask the memory for the first `most` bytes, what lies before the block included; for the end, once the header is here.
  void prefetch(size_t most) const {
    const uint8_t* from = data_ - std::min<uint32_t>(front_, 64);
    const uint8_t* to = from + std::min<size_t>(most, room());
    for (; from < to; from += 64) touch(from);
  }
  void prefetch_end() const { touch(data_ + end_offset()); }
  // The header, and with it what a push in front writes over.
  void prefetch_front() const {
    touch(data_);
    touch(data_ - std::min<uint32_t>(front_, 64));
  }
  size_t count() const;         // walks the block when there are 65535 elements or more
  bool empty() const { return data_[kHeaderBytes] == 0xff; }

  // Positions are offsets into the block; kEnd is behind the last element (and before the first, going backwards).
  using Position = uint32_t;
  static constexpr Position kEnd = 0;
  Position first() const { return empty() ? kEnd : kHeaderBytes; }
  Position last() const;
  Position next(Position at) const;
  Position previous(Position at) const;
  // Element number `index`; negative counts from the end (-1 is the last). kEnd when there is none.
  Position at(int64_t index) const;
  Element get(Position at) const;
  // Calls visit(Element) for `count` elements from `from` on, which must be there.
  template <class Visit>
  void walk(Position from, size_t count, Visit&& visit) const {
    for (; count > 0; --count) {
      const uint8_t* at = data_ + from;
      const uint8_t byte = *at;
      if (byte < 0x80) {  // a small integer
        visit(Element{int64_t{byte}, {}});
        from += 2;
      } else if (byte < 0xc0) {  // a short text
        const size_t length = byte & 0x3f;
        visit(Element{std::nullopt, {reinterpret_cast<const char*>(at + 1), length}});
        from += static_cast<Position>(length + 2);
      } else {
        visit(get(from));
        from = next(from);
      }
    }
  }
  // The first element from `from` on, looking at every `step`th, that equals `value`.
  Position find(Position from, std::string_view value, size_t step = 1) const;

  // An element in its encoding, on the stack unless it is long.
  class Encoded {
   public:
    explicit Encoded(std::string_view value);
    explicit Encoded(int64_t value);
    Encoded(const Encoded&) = delete;
    Encoded& operator=(const Encoded&) = delete;
    std::string_view bytes() const { return {reinterpret_cast<const char*>(data_), size_}; }

   private:
    uint8_t* room(size_t length);
    uint8_t inline_[128];
    std::unique_ptr<uint8_t[]> large_;
    uint8_t* data_ = inline_;
    size_t size_ = 0;
  };

  // Whether `bytes` more of payload keep the block below Redis's limit for one listpack (1 GB).
  bool has_room_for(size_t bytes) const { return size_bytes() + bytes <= kMostBytes; }

  // What an element of this value takes, found out once.
  struct Form {
    explicit Form(std::string_view value);
    std::optional<int64_t> integer;
    size_t length;  // of encoding and data
    size_t bytes;   // and of their length
  };
  // Puts `value`, whose form this is, before the first element or behind the last.
  void push(bool in_front, std::string_view value, const Form& form);
  void append(std::string_view value) { insert(kEnd, value); }
  void append(int64_t value);
  void append_pair(std::string_view first, std::string_view second);
  void prepend(std::string_view value) { insert(first(), value); }
  // Before `at` (kEnd: at the end); returns the new element's position.
  Position insert(Position at, std::string_view value) { return insert(at, Encoded(value)); }
  Position insert(Position at, const Encoded& value);
  // Returns the element's position, which stays.
  Position replace(Position at, std::string_view value);
  Position replace(Position at, int64_t value);
  // Appends many elements at little cost: room for `bytes` of them is made once; the block is in order again when the
  // appender goes.
  class Appender {
   public:
    Appender(Listpack& pack, size_t bytes);
    ~Appender();
    Appender(const Appender&) = delete;
    Appender& operator=(const Appender&) = delete;
    void add(std::string_view value);
    void add(int64_t value);

   private:
    Listpack& pack_;
    uint8_t* at_;
    size_t added_ = 0;
  };
  // Removes `count` elements from `at` on (fewer if there are not as many); returns the position of what follows.
  Position erase(Position at, size_t count = 1);
  // Appends what is in `other`.
  void append_all(const Listpack& other);
  // Room for `bytes` more at one end, and so much that the next times need none: up to `most` bytes in all.
  void make_room(size_t bytes, bool in_front, size_t most);
  // Gives back room kept for growth.
  void shrink_to_fit();
  // Moves the block if it should leave its slab (of which find_sparse has told the bytes).
  void compact(Compaction& work);
  void compact(size_t slab_bytes, Compaction& work);
  const void* block() const { return allocated(); }

  // Bytes that an element of this value takes.
  static size_t element_bytes(std::string_view value) { return Form(value).bytes; }
  static size_t element_bytes(int64_t value);
  // At most that many for `elements` texts of `text_bytes` in all.
  static size_t most_bytes(size_t text_bytes, size_t elements) {
    return text_bytes + elements * (text_bytes < 64 ? 2 : text_bytes < 4096 ? 4 : 10);
  }

 private:
  Position splice(Position at, size_t removed, std::string_view encoded, int64_t count_change);
  // Room for a block of `bytes`; for `bytes` more before it.
  void reserve(size_t bytes);
  void reserve_front(size_t bytes);
  void grow_front(size_t larger);
  void slide(uint32_t front);
  size_t room() const { return capacity_ - front_; }
  uint8_t* allocated() const { return data_ - front_; }
  void set_count(size_t count);
  Position end_offset() const { return static_cast<Position>(size_bytes() - 1); }

  uint8_t* data_ = nullptr;
  uint32_t capacity_ = 0;  // all that is allocated
  uint32_t front_ = 0;     // of that, unused before data_
};

}  // namespace holdfast::node

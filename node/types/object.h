// A value with elements of its own: list, set, sorted set, hash or stream. It lies beside its entry, which holds a
// pointer to it.
//
// Each type has a packed form for small values and a large form; which one is used is the object's own affair, and
// encoding() tells. Objects know nothing of keys, commands, expiry of keys or propagation. They count their memory as
// they change. Copy-on-write: clone() of a large form costs one reference, the parts are shared until one side changes.
// Executor thread only; the lazy-free thread may destroy one that shares nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::node {

class Compaction;
class Dict;
class Entry;
struct CompactionCursor;

enum class ValueType : uint8_t { string, list, set, zset, hash, stream };
std::string_view type_name(ValueType type);  // as TYPE answers

class Object {
 public:
  virtual ~Object() = default;
  Object& operator=(const Object&) = delete;

  virtual ValueType type() const = 0;
  virtual std::string_view encoding() const = 0;  // OBJECT ENCODING's name
  // Number of elements: what LLEN, SCARD, ZCARD, HLEN or XLEN answer.
  virtual size_t size() const = 0;
  // All bytes of it, in the allocator's size classes; counted, not walked.
  virtual size_t memory_bytes() const = 0;
  // About how many blocks are freed when it goes: whether another thread should do it.
  virtual size_t effort() const = 0;
  // Whether a clone holds a part of it too: then only the executor thread may free it. Walks the parts.
  virtual bool shares() const { return false; }
  // Frees a part (some ten microseconds of work) of an object that is of no more use but to be destroyed; false: the
  // rest is for the destructor.
  virtual bool clear_some() { return false; }
  virtual std::unique_ptr<Object> clone() const = 0;
  // The object in a better place, to which it has moved if its block should leave its slab; null: it is where it was.
  virtual Object* relocate(Compaction& work) {
    (void)work;
    return nullptr;
  }
  // Moves blocks inside out of sparse slabs, from `cursor` on, until they are all seen (false) or the step has done its
  // work; what a clone shares stays. No change: nothing but addresses differs. Between two steps the object may change:
  // parts that are there all the time are seen, but for a few where many were removed before them.
  virtual bool compact(CompactionCursor& cursor, Compaction& work) {
    (void)cursor, (void)work;
    return false;
  }
  // The table in which its elements are found by name; null where there is none (packed forms, lists, streams).
  virtual const Dict* table() const { return nullptr; }
  // The same for a snapshot, which may take its cut of an object that it may not change otherwise.
  Dict* table() { return const_cast<Dict*>(std::as_const(*this).table()); }
  // Asks the memory for what a command is likely to touch (its name for an element is not known), a step deeper each time,
  // counted from 0; false: there is nothing deeper. For a batch of commands, so that their waits overlap.
  virtual bool prefetch(unsigned step) const {
    (void)step;
    return false;
  }
  // The same for an element's place in the order, from its entry in table() on; the object must not change meanwhile.
  struct OrderTrail {  // where the way has led to
    double score = 0;
    const void* at = nullptr;
  };
  virtual bool prefetch_order(const Entry& element, OrderTrail& trail, unsigned step) const {
    (void)element, (void)trail, (void)step;
    return false;
  }
  // The earliest expiry among the elements, unix milliseconds; kNoElementExpiry: none has one. (Hashes only.)
  static constexpr int64_t kNoElementExpiry = INT64_MIN;
  virtual int64_t next_expiry_ms() const { return kNoElementExpiry; }
  // Removes up to `most` elements that expired before `before_ms`, the earliest first, and returns their names.
  virtual std::vector<std::string> remove_expired_elements(int64_t before_ms, size_t most) {
    (void)before_ms, (void)most;
    return {};
  }
  // An empty object is no value, except a stream.
  bool gone() const { return type() != ValueType::stream && size() == 0; }

 protected:
  Object() = default;
  Object(const Object&) = default;
};

}  // namespace holdfast::node

// A pipeline that is about to be executed: what its requests will touch is asked of the memory beforehand, in steps that
// each depend on the one before, all requests' steps of one kind together, so that their waits overlap.
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "node/commands/handlers.h"
#include "node/commands/lists.h"
#include "node/commands/node.h"
#include "node/types/touch.h"

namespace holdfast::node {
namespace {

// The end of a list that a command keeps to; nullopt: both, or another type's command.
std::optional<ListEnd> end_of(void (*handler)(Call&)) {
  if (handler == &handlers::lpush || handler == &handlers::lpop) return ListEnd::head;
  if (handler == &handlers::rpush || handler == &handlers::rpop) return ListEnd::tail;
  return std::nullopt;
}

constexpr uint32_t kOfObjects = command::kList | command::kSet | command::kSortedSet | command::kHash | command::kStream;

}  // namespace

// All hashes, then all buckets, then all entries; then what lies behind those.
void Node::expect(server::Session& session, std::span<const std::span<const std::string_view>> requests) {
  expected_for_ = session.id;
  expected_db_ = session.db;
  expected_seed_ = keys_.seed_mark(expected_db_);
  uint32_t categories = 0;
  std::array<const Bucket*, kMostExpected> buckets;
  std::string_view object_key;  // named last, by the request `object_at`
  size_t object_at = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto args = requests[i];
    Expected& expected = expected_[i];
    expected.entry = args.empty() ? nullptr : look_up(args);
    expected.hashed = expected.element_hashed = false;
    if (expected.entry == nullptr) continue;
    const command::KeyRange& keys = expected.entry->spec->keys;
    const auto first = static_cast<size_t>(keys.first);
    if (first == 0 || keys.find != command::KeyRange::Find::range || first >= args.size()) continue;
    expected.hashed = true;
    categories |= expected.entry->spec->categories;
    if ((expected.entry->spec->categories & kOfObjects) != 0) {
      // Many requests for one large value are usual: its key need not be hashed for each of them.
      const bool again = object_key.data() != nullptr && object_key == args[first];
      object_key = args[first];
      const size_t before = std::exchange(object_at, i);
      if (again) {
        expected.hash = expected_[before].hash;
        buckets[i] = nullptr;
        continue;
      }
    }
    expected.hash = keys_.key_hash(expected_db_, args[first]);
    buckets[i] = keys_.prefetch_bucket(expected_db_, expected.hash);
  }
  std::array<const Entry*, kMostExpected> entries;
  std::array<size_t, kMostExpected> displaced;
  size_t count = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    entries[i] = expected_[i].hashed ? Keyspace::prefetch_entry(buckets[i], expected_[i].hash) : nullptr;
    if (entries[i] == nullptr && expected_[i].hashed && Dict::may_be_displaced(buckets[i])) displaced[count++] = i;
  }
  for (const size_t i : std::span(displaced).first(count)) {
    entries[i] = keys_.prefetch_displaced(expected_db_, expected_[i].hash);
  }
  if ((categories & kOfObjects) != 0) expect_objects(requests, entries);
}

// From the entry to the object; from there the object itself knows the way, or the table of its elements does, and from
// the element's entry the object again.
void Node::expect_objects(std::span<const std::span<const std::string_view>> requests,
                          std::span<const Entry* const> entries) {
  struct Awaited {
    const Object* object;
    Expected* expected;
    bool again;         // the one before is of this object too
    const Dict* table;  // in which the element is looked up; null: the object goes on itself
    Dict::Trail trail;  // of the element
    Object::OrderTrail order_trail;
    std::optional<ListEnd> end;  // of a list
  };
  std::array<Awaited, kMostExpected> awaited;
  size_t count = 0;
  const Expected* before = nullptr;
  const Object* object = nullptr;
  for (size_t i = 0; i < requests.size(); ++i) {
    Expected& expected = expected_[i];
    if (!expected.hashed || (expected.entry->spec->categories & kOfObjects) == 0) continue;
    const bool again = before != nullptr && before->hash == expected.hash;
    if (!again) object = entries[i] == nullptr ? nullptr : Dict::object_of(*entries[i]);
    before = &expected;
    if (object == nullptr) continue;
    if (!again) prefetch_line(object);
    awaited[count++] = {object, &expected, again, nullptr, {}, {}, end_of(expected.entry->handler)};
  }
  for (size_t i = 0; i < count; ++i) {
    Awaited& it = awaited[i];
    Expected& expected = *it.expected;
    const auto& args = requests[static_cast<size_t>(&expected - expected_.data())];
    if (it.end && it.object->type() != ValueType::list) it.end.reset();
    const auto element = static_cast<size_t>(expected.entry->spec->element);
    if (element == 0 || element >= args.size() || (it.table = it.object->table()) == nullptr) continue;
    it.trail.hash = expected.element_hash = it.table->hash(args[element]);
    expected.element_hashed = true;
  }
  // One step: false when that was the last.
  const auto advance = [](Awaited& it, unsigned step) {
    if (it.table == nullptr) {
      if (it.again) return false;
      return it.end ? static_cast<const ListObject*>(it.object)->prefetch_end(*it.end, step) : it.object->prefetch(step);
    }
    if (step < Dict::kTrailSteps) return (it.again && step < Dict::kCommonSteps) || it.table->prefetch(it.trail, step);
    return it.expected->entry->spec->ordered &&
           it.object->prefetch_order(*it.trail.entry, it.order_trail, step - Dict::kTrailSteps);
  };
  for (unsigned step = 0; count > 0; ++step) {
    size_t left = 0;
    for (size_t i = 0; i < count; ++i) {
      if (!advance(awaited[i], step)) continue;
      if (left != i) awaited[left] = awaited[i];
      ++left;
    }
    count = left;
  }
}

server::Outcome Node::handle_expected(server::Session& session, std::span<const std::string_view> args, size_t number) {
  // A command before it may have let the loop go on (loading): then another client's requests may be expected by now.
  if (expected_for_ != session.id) return handle(session, args);
  const Expected& expected = expected_[number];
  if (expected.entry == nullptr) return handle(session, args);
  return execute_expected(session, args, expected, Origin::client);
}

bool Node::execute_from_log(server::Session& session, std::span<const std::string_view> args, size_t number) {
  if (expected_for_ != session.id || expected_[number].entry == nullptr) return execute_from_log(session, args);
  execute_expected(session, args, expected_[number], Origin::log);
  finish_logged(session, args);
  return true;
}

server::Outcome Node::execute_expected(server::Session& session, std::span<const std::string_view> args,
                                       const Expected& expected, Origin origin) {
  if (!expected.hashed) return execute(session, args, *expected.entry, origin);
  // A SELECT or SWAPDB before it in the pipeline would make it another table's hash.
  const int db = session.db;
  const std::string_view key = args[static_cast<size_t>(expected.entry->spec->keys.first)];
  if (keys_.seed_mark(db) == expected_seed_) keys_.know_hash(db, key, expected.hash);
  const bool element_hashed = expected.element_hashed;
  if (element_hashed) {
    Dict::know_element_hash(args[static_cast<size_t>(expected.entry->spec->element)], expected.element_hash);
  }
  const server::Outcome outcome = execute(session, args, *expected.entry, origin);
  keys_.forget_hash(db);
  if (element_hashed) Dict::forget_element_hash();
  return outcome;
}

}  // namespace holdfast::node

// A pipeline that is about to be executed: what its requests will touch is asked of the memory beforehand, in steps that
// each depend on the one before, all requests' steps of one kind together, so that their waits overlap.
#include <array>
#include <optional>

#include "node/commands/handlers.h"
#include "node/commands/lists.h"
#include "node/commands/node.h"

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
  expected_db_ = session.db;
  bool objects = false;
  std::array<const Bucket*, kMostExpected> buckets;
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto args = requests[i];
    Expected& expected = expected_[i] = {};
    if (args.empty() || (expected.entry = look_up(args)) == nullptr) continue;
    const command::KeyRange& keys = expected.entry->spec->keys;
    if (keys.first == 0 || keys.find != command::KeyRange::Find::range) continue;
    if (static_cast<size_t>(keys.first) >= args.size()) continue;
    expected.hashed = true;
    expected.hash = keys_.key_hash(session.db, args[static_cast<size_t>(keys.first)]);
    buckets[i] = keys_.prefetch_bucket(session.db, expected.hash);
    objects |= (expected.entry->spec->categories & kOfObjects) != 0;
  }
  std::array<const Entry*, kMostExpected> entries;
  std::array<size_t, kMostExpected> displaced;
  size_t count = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    entries[i] = expected_[i].hashed ? Keyspace::prefetch_entry(buckets[i], expected_[i].hash) : nullptr;
    if (entries[i] == nullptr && expected_[i].hashed && Dict::may_be_displaced(buckets[i])) displaced[count++] = i;
  }
  for (const size_t i : std::span(displaced).first(count)) {
    entries[i] = keys_.prefetch_displaced(session.db, expected_[i].hash);
  }
  if (objects) expect_objects(requests, entries);
}

// From the entry to the object; from there the object itself knows the way, or the table of its elements does.
void Node::expect_objects(std::span<const std::span<const std::string_view>> requests,
                          std::span<const Entry* const> entries) {
  struct Awaited {
    const Object* object;
    const Dict* table;  // in which the element is looked up; null: the object goes on itself
    const Bucket* bucket;
    uint64_t hash;      // of the element
    size_t request;
    std::optional<ListEnd> end;  // of a list
  };
  std::array<Awaited, kMostExpected> awaited;
  size_t count = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (entries[i] == nullptr || (expected_[i].entry->spec->categories & kOfObjects) == 0) continue;
    const Object* object = Dict::object_of(*entries[i]);
    if (object == nullptr) continue;
    __builtin_prefetch(object);
    awaited[count++] = {object, nullptr, nullptr, 0, i, end_of(expected_[i].entry->handler)};
  }
  for (size_t i = 0; i < count; ++i) {
    Awaited& it = awaited[i];
    if (it.end && it.object->type() != ValueType::list) it.end.reset();
    const auto element = static_cast<size_t>(expected_[it.request].entry->spec->element);
    const auto& args = requests[it.request];
    if (element == 0 || element >= args.size() || (it.table = it.object->table()) == nullptr) continue;
    it.hash = expected_[it.request].element_hash = it.table->hash(args[element]);
    expected_[it.request].element_hashed = true;
  }
  for (unsigned step = 0; count > 0; ++step) {
    size_t left = 0;
    for (size_t i = 0; i < count; ++i) {
      Awaited it = awaited[i];
      const bool on = it.table != nullptr ? it.table->prefetch(it.hash, step, it.bucket)
                      : it.end            ? static_cast<const ListObject*>(it.object)->prefetch_end(*it.end, step)
                                          : it.object->prefetch(step);
      if (on) awaited[left++] = it;
    }
    count = left;
  }
}

server::Outcome Node::handle_expected(server::Session& session, std::span<const std::string_view> args, size_t number) {
  const Expected& expected = expected_[number];
  if (expected.entry == nullptr) return handle(session, args);
  if (!expected.hashed) return execute(session, args, *expected.entry, Origin::client);
  // A SELECT before it in the pipeline would make it another database's hash.
  const int db = session.db;
  const std::string_view key = args[static_cast<size_t>(expected.entry->spec->keys.first)];
  if (db == expected_db_) keys_.know_hash(db, key, expected.hash);
  if (expected.element_hashed) {
    Dict::know_element_hash(args[static_cast<size_t>(expected.entry->spec->element)], expected.element_hash);
  }
  const server::Outcome outcome = execute(session, args, *expected.entry, Origin::client);
  keys_.forget_hash(db);
  Dict::forget_element_hash();
  return outcome;
}

}  // namespace holdfast::node

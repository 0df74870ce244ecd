// A set of strings without order.
//
// Small sets of integers are one sorted array ("intset"); all others are a table of entries without values ("hashtable"),
// and stay one. set-max-intset-entries is given with each change, so that it can be set at any time. Members are text
// outside; that of an integer needs a scratch buffer. Executor thread only. Views are valid until the next change (or
// until the scratch goes).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <variant>

#include "common/base/random.h"
#include "node/collections/limits.h"
#include "node/keyspace/dict.h"
#include "node/types/intset.h"
#include "node/types/object.h"

namespace holdfast::node {

class SetObject final : public Object {
 public:
  static constexpr ValueType kType = ValueType::set;
  // Room for an integer's text.
  struct Scratch {
    char text[24];
  };
  static std::string_view text_of(int64_t number, Scratch& scratch);

  SetObject() = default;
  SetObject(const SetObject& other);
  SetObject(SetObject&& other) noexcept = default;

  ValueType type() const override { return ValueType::set; }
  std::string_view encoding() const override { return intset() != nullptr ? "intset" : "hashtable"; }
  size_t size() const override { return intset() != nullptr ? intset()->size() : table()->size(); }
  size_t memory_bytes() const override;
  size_t effort() const override { return intset() != nullptr ? 1 : table()->size(); }
  std::unique_ptr<Object> clone() const override { return std::make_unique<SetObject>(*this); }
  bool clear_some() override { return small() == nullptr && large().clear_some(); }
  Object* relocate(Compaction& work) override;
  bool compact(CompactionCursor& cursor, Compaction& work) override;

  bool contains(std::string_view member) const;
  // visit(member) for each; must not change the set.
  template <class Visit>
  void for_each(Visit&& visit) const;
  // The same until it returns false; false then.
  template <class Visit>
  bool for_each_while(Visit&& visit) const;
  // Any member, each with about the same chance; the set must not be empty.
  std::string_view random(RandomSource& random, Scratch& scratch) const;
  // Visits some members and returns the next cursor, 0 at the end; an intset gives all at once. Dict::scan says what is
  // promised.
  uint64_t scan(uint64_t cursor, const std::function<void(std::string_view)>& visit) const;

  // False when nothing changed.
  bool add(std::string_view member, const EncodingLimits& limits);
  bool remove(std::string_view member);
  // Takes the members up afresh, which may make it an intset again.
  void rebuild(const EncodingLimits& limits);

  // --- Saving and loading ---
  const Intset* intset() const { return std::get_if<Intset>(&form_); }  // null in the large form
  // Of a valid intset; the set must be empty.
  void load_intset(Intset set, const EncodingLimits& limits);
  // Large form at once, for many members to come.
  void load_large();
  const Dict* table() const override {  // null in the packed form
    const auto* table = std::get_if<std::unique_ptr<Dict>>(&form_);
    return table != nullptr ? table->get() : nullptr;
  }

 private:
  Dict& large() { return *std::get<std::unique_ptr<Dict>>(form_); }
  Intset* small() { return std::get_if<Intset>(&form_); }
  static size_t most_integers(const EncodingLimits& limits);
  void convert();

  std::variant<Intset, std::unique_ptr<Dict>> form_;
};

template <class Visit>
bool SetObject::for_each_while(Visit&& visit) const {
  if (const Intset* integers = intset()) {
    Scratch scratch;
    const size_t count = integers->size();
    for (size_t i = 0; i < count; ++i) {
      if (!visit(text_of((*integers)[i], scratch))) return false;
    }
    return true;
  }
  return table()->for_each_while([&](const Entry& entry) { return visit(entry.key()); });
}

template <class Visit>
void SetObject::for_each(Visit&& visit) const {
  for_each_while([&](std::string_view member) {
    visit(member);
    return true;
  });
}

}  // namespace holdfast::node

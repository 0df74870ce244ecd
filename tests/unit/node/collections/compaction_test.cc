// Values whose blocks move all the time beside values of the same history whose blocks stay.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "node/keyspace/keyspace.h"
#include "node/types/block_mover.h"
#include "tests/unit/node/collections/compaction_fixture.h"
#include "tests/unit/node/keyspace/test_movers.h"

namespace holdfast::node {
namespace {

class ValueCompaction : public ::testing::TestWithParam<std::tuple<ValueType, uint64_t>> {
 protected:
  ValueType type() const { return std::get<0>(GetParam()); }
  uint64_t range() const { return std::get<1>(GetParam()); }

  // A value of some history.
  std::unique_ptr<Object> filled(uint64_t seed) const {
    SeededRandom dice(seed);
    auto object = make_object(type());
    RandomChange change(dice, range());
    for (uint64_t i = 0; i < range() * 3; ++i) change(*object);
    return object;
  }
};

void relocate(std::unique_ptr<Object>& object, Compaction& work) {
  if (Object* moved = object->relocate(work); moved != nullptr) {
    (void)object.release();
    object.reset(moved);
  }
}

// A whole walk; the number of its steps.
int walk(Object& object, BlockMover& mover, CompactionCount& count) {
  CompactionCursor cursor;
  for (int steps = 1;; ++steps) {
    Compaction work(mover, count);
    if (!object.compact(cursor, work)) return steps;
  }
}

TEST_P(ValueCompaction, StaysEqualToAValueThatDoesNotMoveThroughRandomChanges) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom dice(seed), other_dice(seed), walk_dice(seed + 99);
    testing::DiceMover mover(walk_dice, seed % 2 == 0 ? 60 : 100);
    CompactionCount count;
    CompactionCursor cursor;
    auto moving = make_object(type()), still = make_object(type());
    RandomChange change(dice, range()), same_change(other_dice, range());
    for (uint64_t step = 0; step < range() * 20; ++step) {
      change(*moving);
      same_change(*still);
      ASSERT_EQ(moving->memory_bytes(), still->memory_bytes());
      if (walk_dice.below(3) == 0) {
        Compaction work(mover, count);
        if (walk_dice.below(10) == 0) relocate(moving, work);
        if (!moving->compact(cursor, work)) cursor = {};
        ASSERT_EQ(moving->memory_bytes(), still->memory_bytes());
      }
      if (step % (range() * 2) == 0) {
        ASSERT_EQ(Description(*moving).text(), Description(*still).text());
      }
    }
    ASSERT_EQ(Description(*moving).text(), Description(*still).text());
    EXPECT_GT(count.moved_blocks, range());
  }
}

TEST_P(ValueCompaction, KeepsWhatACloneSeesAndLeavesSharedPartsToIt) {
  SeededRandom dice(3);
  testing::DiceMover mover(dice, 100);
  CompactionCount count;
  auto object = filled(11);
  const std::string before = Description(*object).text();
  const auto clone = object->clone();
  RandomChange change(dice, range());
  for (uint64_t i = 0; i < range() / 2; ++i) change(*object);
  const std::string after = Description(*object).text();
  Compaction work(mover, count);
  relocate(object, work);
  walk(*object, mover, count);
  EXPECT_EQ(Description(*object).text(), after);
  EXPECT_EQ(Description(*clone).text(), before);
  walk(*clone, mover, count);
  object.reset();
  walk(*clone, mover, count);
  EXPECT_EQ(Description(*clone).text(), before);
}

// Notes what it is asked about and leaves all where it is.
class AskedMover final : public BlockMover {
 public:
  void find_sparse(std::span<const void* const> blocks, std::span<size_t> slab_bytes) override {
    for (size_t i = 0; i < blocks.size(); ++i) {
      asked.insert(blocks[i]);
      slab_bytes[i] = 0;
    }
  }
  void* better_place(const void*, size_t, size_t, size_t, BlockKind) override { return nullptr; }
  void release(void*, BlockKind) override { ADD_FAILURE() << "nothing was moved"; }
  std::set<const void*> asked;
};

TEST_P(ValueCompaction, EveryStepIsShortAndAWalkSeesTheSameBlocksAsTheOneBefore) {
  auto object = filled(5);
  AskedMover once, twice;
  CompactionCount count;
  CompactionCursor cursor;
  int steps = 0;
  for (bool more = true; more; ++steps) {
    const size_t before = count.kept_blocks;
    Compaction work(once, count);
    more = object->compact(cursor, work);
    EXPECT_LT(count.kept_blocks - before, 200u);
  }
  EXPECT_EQ(walk(*object, twice, count), steps);
  EXPECT_EQ(once.asked, twice.asked);
  EXPECT_GE(once.asked.size(), object->effort());
}

TEST_P(ValueCompaction, TakesACursorOfAnotherValue) {
  SeededRandom dice(8);
  testing::DiceMover mover(dice, 100);
  CompactionCount count;
  auto object = filled(6);
  const std::string before = Description(*object).text();
  const auto any = [&]() -> uint64_t {
    switch (dice.below(4)) {
      case 0: return 0;
      case 1: return dice.below(1000);
      case 2: return UINT64_MAX - dice.below(3);
      default: return dice.next();
    }
  };
  for (int i = 0; i < 3000; ++i) {
    CompactionCursor cursor{.at = any(), .beside = any(), .part = static_cast<uint32_t>(dice.below(5)), .sub = 0};
    cursor.sub = static_cast<uint32_t>(dice.below(2) == 0 ? dice.below(5) : any());
    if (dice.below(20) == 0) cursor.part = static_cast<uint32_t>(any());
    Compaction work(mover, count);
    (void)object->compact(cursor, work);
  }
  EXPECT_EQ(Description(*object).text(), before);
}

std::string test_name(const ::testing::TestParamInfo<std::tuple<ValueType, uint64_t>>& info) {
  const uint64_t range = std::get<1>(info.param);
  return std::string(type_name(std::get<0>(info.param))) + (range < 100 ? "Small" : range < 1000 ? "Medium" : "Large");
}
INSTANTIATE_TEST_SUITE_P(AllTypes, ValueCompaction,
                         ::testing::Combine(::testing::ValuesIn(kAllTypes), ::testing::Values(20u, 700u, 4000u)), test_name);

TEST(ListCompaction, NodesThatACloneHoldsStayAndOthersMove) {
  SeededRandom dice(1);
  testing::DiceMover mover(dice, 100);
  ListObject list;
  const ListObject::Limits limits{.fill = 4};
  for (int i = 0; i < 1000; ++i) list.push(ListObject::End::tail, std::to_string(i) + "text", limits);
  const auto places = [&] {
    std::vector<const void*> all;
    for (size_t i = 0; i < list.node_count(); ++i) all.push_back(list.node(i).bytes.data());
    return all;
  };
  CompactionCount count;
  const auto before = places();
  {
    const auto clone = list.clone();
    walk(list, mover, count);
    EXPECT_EQ(places(), before);
  }
  walk(list, mover, count);
  const auto after = places();
  size_t moved = 0;
  for (size_t i = 0; i < after.size(); ++i) moved += after[i] != before[i];
  EXPECT_GT(moved, after.size() / 2);
}

TEST(ListCompaction, WalkGoesOnAtTheSameNodeWhenOthersWentBeforeIt) {
  ListObject list;
  const ListObject::Limits limits{.fill = 1};
  for (int i = 0; i < 5000; ++i) list.push(ListObject::End::tail, std::to_string(i) + "text", limits);
  AskedMover mover;
  CompactionCount count;
  CompactionCursor cursor;
  std::set<const void*> there;
  for (bool more = true; more;) {
    Compaction work(mover, count);
    more = list.compact(cursor, work);
    if (list.size() > 1500) list.erase_range(0, 40, limits);
  }
  ASSERT_LE(list.size(), 1500u);
  for (size_t i = 0; i < list.node_count(); ++i) {
    EXPECT_TRUE(std::ranges::any_of(mover.asked, [&](const void* block) {
      const char* data = list.node(i).bytes.data();
      return block <= data && data < static_cast<const char*>(block) + 64;
    })) << i;
  }
}

// --- A whole keyspace, with values of all sizes that come and go while their blocks move ---

TEST(KeyspaceCompaction, StaysEqualToAKeyspaceThatDoesNotMove) {
  constexpr int kKeys = 300;
  SeededRandom dice(21), walk_dice(22), seeds(23), other_seeds(23);
  Keyspace moving(2, seeds), still(2, other_seeds);
  testing::DiceMover mover(walk_dice, 80);
  CompactionCount count;
  int walks = 0;
  const auto change = [&](Keyspace& keys, int db, const std::string& key, ValueType type, uint64_t seed) {
    SeededRandom own(seed);
    Dict::Place place = keys.find_place(db, key);
    const uint64_t range = 10 + seed % 7 * 300;
    RandomChange change(own, range);
    if (place.entry == nullptr) {
      auto object = make_object(type);
      for (uint64_t i = 0; i < range; ++i) change(*object);
      if (!object->gone()) keys.set(db, key, Value::object(std::move(object)));
    } else if (seed % 40 == 0) {
      keys.erase(db, key);
    } else {
      keys.change_object(db, place, [&](Object& object) {
        for (int i = 0; i < 10; ++i) change(object);
        return 10;
      });
    }
  };
  for (int step = 0; step < 6000; ++step) {
    const auto number = static_cast<int>(dice.below(kKeys));
    const std::string key = "key" + std::to_string(number);
    const int db = static_cast<int>(dice.below(2));
    const uint64_t seed = dice.next() >> 1;
    // A key that was deleted may come back as another type.
    const ValueType type = kAllTypes[(static_cast<uint64_t>(number) + seed) % std::size(kAllTypes)];
    for (Keyspace* keys : {&moving, &still}) {
      keys->begin(from_unix_ms(1000), ExpiryMode::ignore);
      change(*keys, db, key, type, seed);
      if (step % 1500 == 1499) keys->swap(0, 1);
      if (step == 3000) keys->flush(1);
    }
    const size_t bytes = moving.memory_bytes(0);
    for (uint64_t steps = walk_dice.below(60); steps > 0; --steps) walks += moving.compact(mover, count) ? 1 : 0;
    ASSERT_EQ(moving.memory_bytes(0), bytes);
  }
  for (int db = 0; db < 2; ++db) {
    EXPECT_EQ(moving.memory_bytes(db), still.memory_bytes(db));
    ASSERT_EQ(moving.key_count(db), still.key_count(db));
    still.for_each_key(db, [&](const Entry& entry) {
      const Entry* moved = moving.peek(db, entry.key());
      ASSERT_NE(moved, nullptr);
      EXPECT_EQ(Description(*moved->object()).text(), Description(*entry.object()).text());
    });
  }
  EXPECT_GT(walks, 3);
  EXPECT_GT(count.moved_blocks, 100'000u);
}

}  // namespace
}  // namespace holdfast::node

#include "node/collections/list_object.h"

#include <gtest/gtest.h>

#include <deque>

#include "common/base/random.h"

namespace holdfast::node {
namespace {

using End = ListObject::End;
using ListModel = std::deque<std::string>;

ListModel elements(const ListObject& list) {
  ListModel all;
  Listpack::Scratch scratch;
  for (auto cursor = list.at(0); cursor; cursor.next()) all.emplace_back((*cursor).view(scratch));
  return all;
}

ListModel backwards(const ListObject& list) {
  ListModel all;
  Listpack::Scratch scratch;
  for (auto cursor = list.at(-1); cursor; cursor.previous()) all.emplace_front((*cursor).view(scratch));
  return all;
}

std::string random_value(RandomSource& random) {
  const uint64_t kind = random.below(20);
  if (kind < 8) return std::to_string(random.below(2'000));
  if (kind == 8) return std::string(600 + random.below(900), 'l');
  return std::string(random.below(40), static_cast<char>('a' + random.below(26)));
}

// One random change of both.
void change(ListObject& list, ListModel& model, RandomSource& random, const ListObject::Limits& limits) {
  const std::string value = random_value(random);
  const size_t index = model.empty() ? 0 : random.below(model.size());
  const auto place = model.begin() + static_cast<ptrdiff_t>(index);
  const auto signed_index = static_cast<int64_t>(index) - (random.below(2) == 0 ? 0 : static_cast<int64_t>(model.size()));
  if (model.empty() || random.below(5) < 2) {
    const End end = random.below(2) == 0 ? End::head : End::tail;
    list.push(end, value, limits);
    end == End::head ? model.push_front(value) : model.push_back(value);
    return;
  }
  switch (random.below(12)) {
    case 0:
      ASSERT_EQ(list.pop(End::head), model.front());
      model.pop_front();
      break;
    case 1:
      ASSERT_EQ(list.pop(End::tail), model.back());
      model.pop_back();
      break;
    case 2:
    case 3:
    case 4:
      list.insert(list.at(signed_index), true, value, limits);
      model.insert(place + 1, value);
      break;
    case 5:
    case 6:
    case 7:
      list.insert(list.at(signed_index), false, value, limits);
      model.insert(place, value);
      break;
    case 8:
    case 9:
      list.replace(list.at(signed_index), value, limits);
      *place = value;
      break;
    case 10: {
      auto cursor = list.at(signed_index);
      const bool back = random.below(2) == 0;
      list.erase(cursor, back, limits);
      model.erase(place);
      const bool leaves = back ? index == 0 : index == model.size();
      ASSERT_EQ(static_cast<bool>(cursor), !leaves);
      if (!leaves) {
        ASSERT_TRUE((*cursor).equals(model[back ? index - 1 : index]));
      }
      break;
    }
    default: {
      const size_t count = std::min<size_t>(random.below(random.below(8) == 0 ? 40 : 4), model.size() - index);
      list.erase_range(index, count, limits);
      model.erase(place, place + static_cast<ptrdiff_t>(count));
    }
  }
}

class ListObjectTest : public ::testing::TestWithParam<int64_t> {};

TEST_P(ListObjectTest, DoesWhatADequeDoes) {
  const ListObject::Limits limits{.fill = GetParam(), .plain_bytes = GetParam() == 3 ? 1'000u : uint64_t{1} << 30};
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    ListObject list;
    ListModel model;
    for (int step = 0; step < 3'000; ++step) {
      change(list, model, random, limits);
      ASSERT_EQ(list.size(), model.size()) << step;
      if (step % 100 == 0) {
        ASSERT_EQ(elements(list), model);
        ASSERT_EQ(backwards(list), model);
      }
    }
    ASSERT_EQ(elements(list), model);
    for (size_t i = 0; i < model.size(); ++i) ASSERT_TRUE((*list.at(static_cast<int64_t>(i))).equals(model[i]));
    EXPECT_FALSE(list.at(static_cast<int64_t>(model.size())));
    EXPECT_FALSE(list.at(-1 - static_cast<int64_t>(model.size())));
  }
}

TEST_P(ListObjectTest, ACloneKeepsItsElements) {
  const ListObject::Limits limits{.fill = GetParam()};
  SeededRandom random(9);
  ListObject list;
  ListModel model;
  for (int step = 0; step < 500; ++step) change(list, model, random, limits);
  const ListModel before = model;
  const size_t bytes = list.memory_bytes();
  const auto clone = list.clone();
  for (int step = 0; step < 500; ++step) change(list, model, random, limits);
  EXPECT_EQ(elements(dynamic_cast<const ListObject&>(*clone)), before);
  EXPECT_EQ(elements(list), model);
  EXPECT_NEAR(static_cast<double>(clone->memory_bytes()), static_cast<double>(bytes), 600);
}

INSTANTIATE_TEST_SUITE_P(Fills, ListObjectTest, ::testing::Values(-2, -1, 1, 3, 100));

TEST(ListObject, CountsItsMemory) {
  const ListObject::Limits limits;
  ListObject list;
  const size_t empty = list.memory_bytes();
  for (int i = 0; i < 10'000; ++i) list.push(End::tail, "element-" + std::to_string(i), limits);
  EXPECT_GT(list.memory_bytes(), 10'000u * 14);
  EXPECT_LT(list.memory_bytes(), 10'000u * 20);
  while (list.size() > 0) list.pop(End::head);
  EXPECT_LT(list.memory_bytes(), empty + 600);
}

TEST(ListObject, ReachesBothEndsWithAnyNumberOfNodes) {
  const ListObject::Limits limits{.fill = 1};  // a node for each element
  SeededRandom random(3);
  ListObject list;
  ListModel model;
  for (int step = 0; step < 2'000; ++step) {
    const End end = random.below(2) == 0 ? End::head : End::tail;
    if (model.empty() || random.below(static_cast<uint64_t>(model.size()) + 3) < 3) {
      const std::string value = std::to_string(step);
      list.push(end, value, limits);
      end == End::head ? model.push_front(value) : model.push_back(value);
    } else {
      list.drop_end(end);
      end == End::head ? model.pop_front() : model.pop_back();
    }
    ASSERT_EQ(list.node_count(), model.size());
    for (unsigned deeper = 0; list.prefetch(deeper); ++deeper) ASSERT_LT(deeper, 8u);
    if (model.empty()) continue;
    ASSERT_TRUE(list.peek(End::head).equals(model.front())) << step;
    ASSERT_TRUE(list.peek(End::tail).equals(model.back())) << step;
  }
}

TEST(ListObject, LoadsTheNodesThatItShows) {
  const ListObject::Limits limits{.plain_bytes = 100};
  ListObject list, loaded;
  for (int i = 0; i < 2'000; ++i) list.push(End::tail, i % 500 == 499 ? std::string(150, 'p') : std::to_string(i), limits);
  for (size_t i = 0; i < list.node_count(); ++i) {
    const auto node = list.node(i);
    if (node.plain) {
      loaded.load_plain(std::string(node.bytes));
    } else {
      loaded.load_packed(Listpack::copy_of(node.bytes), limits);
    }
  }
  EXPECT_EQ(elements(loaded), elements(list));
  EXPECT_EQ(loaded.size(), list.size());
}

TEST(ListObject, GivesRangesInStretches) {
  SeededRandom random(11);
  const ListObject::Limits limits{3, 500};
  ListObject list;
  for (int i = 0; i < 60; ++i) list.push(End::tail, random_value(random), limits);
  const ListModel all = elements(list);
  for (size_t start = 0; start < all.size(); ++start) {
    for (size_t count = 0; start + count <= all.size(); ++count) {
      ListModel seen;
      Listpack::Scratch scratch;
      list.for_stretches(start, count, [&](const ListObject::Stretch& stretch) {
        if (stretch.pack == nullptr) return seen.emplace_back(stretch.plain), void();
        stretch.pack->walk(stretch.from, stretch.count, [&](const Listpack::Element& element) {
          seen.emplace_back(element.view(scratch));
        });
      });
      const auto from = all.begin() + static_cast<ptrdiff_t>(start);
      ASSERT_EQ(seen, ListModel(from, from + static_cast<ptrdiff_t>(count))) << start << " " << count;
    }
  }
}

}  // namespace
}  // namespace holdfast::node

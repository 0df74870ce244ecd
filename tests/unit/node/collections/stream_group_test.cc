#include "node/collections/stream_group.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/node/collections/stream_fixture.h"

namespace holdfast::node {
namespace {

TEST(StreamGroup, PendingEntriesBelongToOneConsumerEach) {
  std::mt19937 random(9);
  StreamObject stream;
  ASSERT_TRUE(stream.create_group("g", {}, StreamGroup::kUnknown));
  ASSERT_FALSE(stream.create_group("g", {}, 0));
  const size_t empty_bytes = stream.memory_bytes();
  std::map<StreamId, std::string> model;
  const Texts names{"alice", "bob", "a consumer whose name is longer than a short string"};
  {
    auto group = stream.edit_group("g");
    for (const auto& name : names) group->create_consumer(name, 5);
  }
  for (int step = 0; step < 6000; ++step) {
    auto group = stream.edit_group("g");
    const StreamId id{random() % 700, random() % 2};
    if (random() % 3 == 0) {
      ASSERT_EQ(group->acknowledge(id), model.erase(id) == 1);
    } else {
      const std::string& name = names[random() % names.size()];
      group->assign(id, *group->find_consumer(name), step, 1);
      model[id] = name;
    }
  }
  const auto copy = stream.clone();
  const auto check = [&](const StreamGroup& group) {
    ASSERT_EQ(group.pending().size(), model.size());
    std::map<StreamId, std::string> found, by_consumer;
    for (auto at = group.pending().first(); at; at.next()) found[at.id()] = group.consumer(at->consumer).name;
    for (const auto& [name, consumer] : group.consumers()) {
      for (auto at = consumer->pending.first(); at; at.next()) by_consumer[at.id()] = std::string(name);
    }
    EXPECT_EQ(found, model);
    EXPECT_EQ(by_consumer, model);
  };
  check(*stream.find_group("g"));
  {
    auto group = stream.edit_group("g");
    const size_t had = group->find_consumer("bob")->pending.size();
    EXPECT_EQ(group->delete_consumer(*group->find_consumer("bob")), had);
    EXPECT_EQ(group->pending().size(), model.size() - had);
    EXPECT_EQ(group->create_consumer("carol", 1).number, 1U);
    EXPECT_EQ(group->delete_consumer(*group->find_consumer("carol")), 0U);
  }
  check(*static_cast<const StreamObject&>(*copy).find_group("g"));
  {
    auto group = stream.edit_group("g");
    for (const auto& name : {names[0], names[2]}) group->delete_consumer(*group->find_consumer(name));
    EXPECT_TRUE(group->pending().empty());
  }
  EXPECT_LE(stream.memory_bytes(), empty_bytes + 64);  // the numbers' table stays
  EXPECT_TRUE(stream.erase_group("g"));
  EXPECT_EQ(stream.memory_bytes(), counted_memory(stream));
}

TEST(StreamGroup, LagIsKnownWhereNothingIsMissing) {
  StreamObject stream;
  stream.create_group("g", {}, StreamGroup::kUnknown);
  const auto lag = [&] { return stream.lag(*stream.find_group("g")); };
  EXPECT_EQ(lag(), 0U);
  for (uint64_t i = 1; i <= 5; ++i) add(stream, {i, 0}, {"f", "v"});
  EXPECT_EQ(lag(), 5U);
  stream.edit_group("g")->last_id = {3, 0};
  EXPECT_EQ(lag(), std::nullopt);
  stream.edit_group("g")->entries_read = 3;
  EXPECT_EQ(lag(), 2U);
  stream.erase({4, 0});
  EXPECT_EQ(lag(), std::nullopt);
  stream.edit_group("g")->last_id = {5, 0};
  stream.edit_group("g")->entries_read = StreamGroup::kUnknown;
  EXPECT_EQ(lag(), 0U);
}

}  // namespace
}  // namespace holdfast::node

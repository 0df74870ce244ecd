#include "node/collections/stream_id.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "node/collections/stream_id_map.h"

namespace holdfast::node {
namespace {

TEST(StreamId, ReadsAndWritesTextAsRedisDoes) {
  EXPECT_EQ(parse_stream_id("5", 9)->id, (StreamId{5, 9}));
  EXPECT_EQ(parse_stream_id("5-7", 9)->id, (StreamId{5, 7}));
  EXPECT_TRUE(parse_stream_id("5-*", 9)->any_seq);
  EXPECT_EQ(parse_stream_id("18446744073709551615-18446744073709551615", 0)->id, kLastStreamId);
  EXPECT_EQ(parse_stream_id("007", 0)->id, (StreamId{7, 0}));
  for (const char* text : {"", "-", "+", "a", "5-", "-5", "5-a", "5-*1", "18446744073709551616", "5-6-7", "5-+"}) {
    EXPECT_FALSE(parse_stream_id(text, 0)) << text;
  }
  EXPECT_EQ(std::string_view(kLastStreamId.text()), "18446744073709551615-18446744073709551615");
  EXPECT_EQ(std::string_view(StreamId{}.text()), "0-0");
  for (uint64_t ten = 1;; ten *= 10) {
    for (const uint64_t number : {ten - 1, ten, ten + 9}) {
      EXPECT_EQ(std::string_view(StreamId{number, 10 * ten - number}.text()),
                std::to_string(number) + "-" + std::to_string(10 * ten - number));
    }
    if (ten > UINT64_MAX / 10) break;
  }
  const StreamId id{0x0102030405060708, 0x90};
  EXPECT_EQ(StreamId::from_key(id.key().data()), id);
  EXPECT_EQ(id.key()[0], 1);
  EXPECT_EQ((StreamId{5, UINT64_MAX}).next(), (StreamId{6, 0}));
  EXPECT_EQ((StreamId{5, 0}).previous(), (StreamId{4, UINT64_MAX}));
  EXPECT_EQ(kLastStreamId.next(), std::nullopt);
  EXPECT_EQ(kFirstStreamId.previous(), std::nullopt);
}

TEST(StreamIdMap, StaysInOrderUnderRandomChanges) {
  std::mt19937 random(1);
  StreamIdMap<int> map;
  std::map<StreamId, int> model;
  for (int step = 0; step < 20000; ++step) {
    const StreamId id{random() % 900, random() % 2};
    const bool shrinking = step / 5000 % 2 == 1;
    if (random() % 10 < (shrinking ? 7U : 3U)) {
      ASSERT_EQ(map.erase(id), model.erase(id) == 1);
    } else {
      ASSERT_EQ(map.insert(id, step), model.emplace(id, step).second);
    }
    const auto at = map.lower_bound(id);
    const auto expected = model.lower_bound(id);
    ASSERT_EQ(static_cast<bool>(at), expected != model.end());
    if (at) {
      ASSERT_EQ(at.id(), expected->first);
    }
    const auto behind = model.upper_bound(id);
    const auto before = map.last_up_to(id);
    ASSERT_EQ(static_cast<bool>(before), behind != model.begin());
    if (before) {
      ASSERT_EQ(before.id(), std::prev(behind)->first);
    }
  }
  std::map<StreamId, int> found;
  for (auto at = map.last(); at; at.previous()) found[at.id()] = *at;
  EXPECT_EQ(found, model);
  while (!map.empty()) map.erase(map.first());
  EXPECT_EQ(map.memory_bytes(), 0U);
}

}  // namespace
}  // namespace holdfast::node

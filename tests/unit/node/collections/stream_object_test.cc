#include "node/collections/stream_object.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "tests/unit/node/collections/stream_fixture.h"

namespace holdfast::node {
namespace {

using StreamModel = std::map<StreamId, Texts>;

Texts fields_of(const StreamRange& range) {
  Texts texts;
  range.for_each_field([&](const Listpack::Element& field, const Listpack::Element& value) {
    Listpack::Scratch scratch;
    texts.emplace_back(field.view(scratch));
    texts.emplace_back(value.view(scratch));
  });
  return texts;
}

StreamModel contents(const StreamObject& stream) {
  StreamModel found;
  for (StreamRange range(stream, kFirstStreamId, kLastStreamId); range.next();) found[range.id()] = fields_of(range);
  return found;
}

void expect_same(const StreamObject& stream, const StreamModel& model) {
  ASSERT_EQ(stream.size(), model.size());
  ASSERT_EQ(contents(stream), model);
  ASSERT_EQ(stream.first_id(), model.empty() ? StreamId() : model.begin()->first);
  if (!model.empty()) {
    ASSERT_EQ(stream.last_live_id(), model.rbegin()->first);
  }
  ASSERT_EQ(stream.memory_bytes(), counted_memory(stream));
  for (auto at = stream.nodes().first(); at; at.next()) {
    ASSERT_TRUE(Listpack::validate((*at)->pack().bytes()));
    ASSERT_TRUE(StreamNode::validate(at.id(), (*at)->pack()));
  }
}

Texts random_fields(std::mt19937& random) {
  static const Texts kUsual{"name", "age", "18446744073709551615"};
  Texts fields;
  const bool usual = random() % 2 == 0;
  const size_t pairs = usual ? kUsual.size() : 1 + random() % 4;
  for (size_t i = 0; i < pairs; ++i) {
    fields.push_back(usual ? kUsual[i] : std::to_string(random() % 5));
    fields.push_back(random() % 2 == 0 ? std::to_string(static_cast<int>(random())) : std::string(random() % 150, 'v'));
  }
  return fields;
}

StreamId random_id(std::mt19937& random, const StreamModel& model) {
  if (model.empty() || random() % 4 == 0) return {random() % 2000, random() % 3};
  return std::next(model.begin(), static_cast<ptrdiff_t>(random() % model.size()))->first;
}

void trim_model(StreamModel& model, const StreamObject::Trim& rule) {
  while (!model.empty() && (rule.keep ? model.size() > *rule.keep : model.begin()->first < rule.min_id)) {
    model.erase(model.begin());
  }
}

TEST(StreamObject, BehavesLikeASortedMapUnderRandomChanges) {
  std::mt19937 random(7);
  for (const StreamObject::Limits limits : {StreamObject::Limits{4096, 100}, {300, 0}, {0, 7}, {0, 0}}) {
    StreamObject stream;
    StreamModel model;
    StreamId last;
    for (int step = 0; step < 4000; ++step) {
      switch (random() % 12) {
        case 0:
        case 1:
        case 2: {
          const StreamId id = random_id(random, model);
          ASSERT_EQ(stream.erase(id), model.erase(id) == 1);
          break;
        }
        case 3: {
          StreamObject::Trim rule;
          if (random() % 2 == 0) {
            rule.keep = model.size() - std::min<size_t>(model.size(), random() % 6);
          } else {
            const auto ahead = std::min<size_t>(model.empty() ? 0 : model.size() - 1, random() % 6);
            rule.min_id =
                model.empty() ? StreamId{5, 5} : std::next(model.begin(), static_cast<ptrdiff_t>(ahead))->first;
          }
          const size_t before = model.size();
          trim_model(model, rule);
          ASSERT_EQ(stream.trim(rule), before - model.size());
          break;
        }
        case 4: {
          const StreamId id = random_id(random, model);
          ASSERT_EQ(stream.contains(id), model.contains(id));
          break;
        }
        default:
          last = random() % 3 == 0 ? StreamId{last.ms + random() % 3 + 1, random() % 9}
                                   : StreamId{last.ms, last.seq + 1};
          model[last] = random_fields(random);
          add(stream, last, model[last], limits);
      }
      if (step % 50 == 0) expect_same(stream, model);
    }
    expect_same(stream, model);
  }
}

TEST(StreamObject, WalksAnyRangeInBothDirections) {
  std::mt19937 random(3);
  StreamObject stream;
  StreamModel model;
  for (uint64_t i = 1; i <= 500; ++i) {
    const StreamId id{i * 2, i % 3};
    model[id] = {"f", std::to_string(i)};
    add(stream, id, model[id], {.node_bytes = 4096, .node_entries = 10});
  }
  for (uint64_t i = 30; i <= 480; i += 1 + i % 3) {
    stream.erase({i * 2, i % 3});
    model.erase({i * 2, i % 3});
  }
  for (int round = 0; round < 300; ++round) {
    const StreamId low{random() % 1100, random() % 3}, high{random() % 1100, random() % 3};
    std::vector<StreamId> expected, forward, backward;
    for (const auto& [id, fields] : model) {
      if (id >= low && id <= high) expected.push_back(id);
    }
    for (StreamRange range(stream, low, high); range.next();) forward.push_back(range.id());
    for (StreamRange range(stream, low, high, StreamRange::Order::backward); range.next();) {
      backward.insert(backward.begin(), range.id());
    }
    EXPECT_EQ(forward, expected);
    EXPECT_EQ(backward, expected);
  }
}

TEST(StreamObject, ApproximateTrimmingTakesWholeBlocksUpToItsLimit) {
  StreamObject stream;
  for (uint64_t i = 1; i <= 100; ++i) add(stream, {i, 0}, {"f", "v"}, {.node_bytes = 0, .node_entries = 10});
  EXPECT_EQ(stream.trim({.keep = 85, .whole_blocks = true}), 10U);
  EXPECT_EQ(stream.trim({.keep = 0, .whole_blocks = true, .most = 25}), 20U);
  EXPECT_EQ(stream.trim({.keep = {}, .min_id = {55, 0}, .whole_blocks = true}), 20U);
  EXPECT_EQ(stream.size(), 50U);
  EXPECT_EQ(stream.first_id(), (StreamId{51, 0}));
}

TEST(StreamObject, CloneKeepsItsContentsWhateverBecomesOfTheOther) {
  std::mt19937 random(11);
  auto stream = std::make_unique<StreamObject>();
  StreamModel model;
  for (uint64_t i = 1; i <= 2000; ++i) {
    model[{i, 0}] = random_fields(random);
    add(*stream, {i, 0}, model[{i, 0}]);
  }
  const auto copy = stream->clone();
  const StreamModel before = model;
  for (int step = 0; step < 500; ++step) {
    const StreamId id = random_id(random, model);
    stream->erase(id);
    model.erase(id);
  }
  add(*stream, {3000, 0}, {"x", "y"});
  model[{3000, 0}] = {"x", "y"};
  stream->trim({.keep = 900});
  trim_model(model, {.keep = 900});
  expect_same(*stream, model);
  expect_same(static_cast<const StreamObject&>(*copy), before);
  stream.reset();
  expect_same(static_cast<const StreamObject&>(*copy), before);
}

TEST(StreamObject, AppendingToEitherSideOfACloneReachesOnlyThatSide) {
  StreamObject stream;
  StreamModel model;
  uint64_t ms = 0;
  const auto append = [&](StreamObject& to, StreamModel& expected) {
    const StreamId id{++ms, 0};
    expected[id] = {"f", std::to_string(ms)};
    add(to, id, expected[id], {.node_bytes = 0, .node_entries = 7});
  };
  for (int i = 0; i < 20; ++i) append(stream, model);
  for (int round = 0; round < 9; ++round) {
    const auto clone = stream.clone();
    auto& copy = static_cast<StreamObject&>(*clone);
    StreamModel copied = model;
    for (int i = 0; i < 3; ++i) {
      append(round % 2 == 0 ? stream : copy, round % 2 == 0 ? model : copied);
      append(copy, copied);
      append(stream, model);
      expect_same(stream, model);
      expect_same(copy, copied);
    }
    copy.erase(copied.rbegin()->first);
    copied.erase(std::prev(copied.end()));
    append(copy, copied);
    expect_same(copy, copied);
    expect_same(stream, model);
  }
}

TEST(StreamObject, ApproximateTrimmingAfterEveryAppendFollowsWhatIsDeletedMeanwhile) {
  std::mt19937 random(3);
  StreamObject stream;
  StreamModel model;
  for (uint64_t i = 1; i <= 3000; ++i) {
    model[{i, 0}] = {"f", "v"};
    add(stream, {i, 0}, {"f", "v"}, {.node_bytes = 0, .node_entries = 10});
    if (random() % 4 == 0) {
      const StreamId id = random() % 2 == 0 ? model.begin()->first : random_id(random, model);
      ASSERT_EQ(stream.erase(id), model.erase(id) == 1);
    }
    const uint64_t keep = 40 + random() % 3;
    // Whole blocks go, and only those.
    const auto first = stream.nodes().first();
    const size_t head = first ? (*first)->live() : 0;
    const size_t gone = stream.trim({.keep = keep, .whole_blocks = true});
    if (model.size() >= keep + head) {
      ASSERT_GE(gone, head);
    } else {
      ASSERT_EQ(gone, 0U);
    }
    for (size_t k = 0; k < gone; ++k) model.erase(model.begin());
    if (i % 100 == 0) expect_same(stream, model);
  }
}

TEST(StreamObject, BlocksLoadAsTheyWereSaved) {
  std::mt19937 random(5);
  StreamObject stream;
  StreamModel model;
  for (uint64_t i = 1; i <= 700; ++i) {
    model[{i, i}] = random_fields(random);
    add(stream, {i, i}, model[{i, i}]);
  }
  for (uint64_t i = 1; i <= 700; i += 3) {
    stream.erase({i, i});
    model.erase({i, i});
  }
  StreamObject loaded;
  for (auto at = stream.nodes().first(); at; at.next()) {
    ASSERT_TRUE(loaded.load_node(at.id(), Listpack::copy_of((*at)->pack().bytes())));
  }
  ASSERT_TRUE(loaded.load_end({.length = stream.size(),
                               .last_id = stream.last_id(),
                               .max_deleted_id = stream.max_deleted_id(),
                               .entries_added = stream.entries_added()}));
  expect_same(loaded, model);
  EXPECT_EQ(loaded.last_id(), stream.last_id());
  EXPECT_FALSE(loaded.load_node({699, 0}, Listpack::copy_of((*stream.nodes().last())->pack().bytes())));
  EXPECT_FALSE(loaded.load_node({5, 0}, Listpack::copy_of((*stream.nodes().first())->pack().bytes())));
  EXPECT_FALSE(loaded.load_end({.length = stream.size() + 1, .last_id = stream.last_id()}));
  EXPECT_FALSE(loaded.load_end({.length = stream.size(), .last_id = {3, 0}}));
}

TEST(StreamObject, RefusesDamagedBlocks) {
  StreamObject stream;
  for (uint64_t i = 1; i <= 20; ++i) add(stream, {i, 0}, i % 4 == 0 ? Texts{"other", "x"} : Texts{"f", "v"});
  const std::string sound((*stream.nodes().first())->pack().bytes());
  size_t refused = 0;
  for (size_t at = 0; at < sound.size(); ++at) {
    for (const int bit : {0, 1, 3, 7}) {
      std::string damaged = sound;
      damaged[at] = static_cast<char>(damaged[at] ^ 1 << bit);
      if (!Listpack::validate(damaged)) continue;
      StreamObject loaded;
      if (!loaded.load_node({1, 0}, Listpack::copy_of(damaged))) {
        ++refused;
        continue;
      }
      const auto end = loaded.load_end({.length = 20, .last_id = {1000, 0}});
      if (end) {
        EXPECT_EQ(contents(loaded).size(), 20U);
      }
    }
  }
  EXPECT_GT(refused, 50U);
}

TEST(StreamObject, FindsEntriesBehindDeletedOnesWithGreaterIds) {
  StreamObject stream;
  add(stream, {1, 0}, {"f", "v"});
  add(stream, {90, 0}, {"f", "v"});
  stream.erase({90, 0});
  stream.set_last_id({2, 0});  // XSETID
  add(stream, {3, 0}, {"f", "v"});
  add(stream, {4, 0}, {"f", "v"});
  EXPECT_TRUE(stream.contains({3, 0}));
  EXPECT_EQ(contents(stream).size(), 3U);
  EXPECT_TRUE(stream.erase({4, 0}));
  EXPECT_EQ(stream.last_live_id(), (StreamId{3, 0}));
  StreamObject loaded;
  ASSERT_TRUE(loaded.load_node({1, 0}, (*stream.nodes().first())->pack().clone()));
  EXPECT_EQ(contents(loaded), contents(stream));
}

TEST(StreamObject, TrimsABlockWhoseFlagsAreEncodedLongerThanOurs) {
  // The first entry's flags take two bytes; its value, read from the second byte on, is an element of 2 GB.
  const std::string_view flags("\xc0\x02\x02", 3), value("\x85\xf0\xff\xff\xff\x7f\x06", 7);
  const std::string entry("\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01", 11);
  std::string second = entry, third = entry;
  second[2] = 1;
  third[2] = 2;
  std::string block("\x00\x00\x00\x00\x11\x00\x03\x01\x00\x01\x01\x01\x81" "f\x02\x00\x01", 17);
  block.append(flags).append("\x00\x01\x00\x01", 4).append(value).append("\x04\x01", 2);
  block.append(second).append(third).append("\xff");
  block[4] = 5 + 3 * 5;
  block[0] = static_cast<char>(block.size());
  ASSERT_TRUE(Listpack::validate(block));
  const auto load = [&](StreamObject& stream) {
    ASSERT_TRUE(stream.load_node({1, 0}, Listpack::copy_of(block)));
    ASSERT_TRUE(stream.load_end({.length = 3, .last_id = {3, 0}}));
  };
  StreamObject by_length, by_id, by_name;
  load(by_length);
  load(by_id);
  load(by_name);
  const Texts fields{"f", "v"};
  EXPECT_EQ(by_length.trim({.keep = 1}), 2U);
  expect_same(by_length, {{{3, 0}, fields}});
  EXPECT_EQ(by_id.trim({.keep = {}, .min_id = {2, 0}}), 1U);
  expect_same(by_id, {{{2, 0}, fields}, {{3, 0}, fields}});
  EXPECT_TRUE(by_name.erase({1, 0}));
  EXPECT_TRUE(by_name.erase({2, 0}));
  expect_same(by_name, {{{3, 0}, fields}});
}

TEST(StreamObject, KeepsWhatIsAddedBeforeABlockThatTrimmingEmptied) {
  const Texts fields{"f", "v"};
  for (const uint64_t first : {1, 5}) {  // the block's own ID again, and one before that
    StreamObject stream;
    StreamModel model;
    const StreamObject::Limits limits{.node_bytes = 0, .node_entries = 3};
    for (uint64_t i = 5; i <= 7; ++i) add(stream, {i, 1}, fields, limits);
    ASSERT_TRUE(stream.erase({7, 1}));
    ASSERT_EQ(stream.trim({.keep = {}, .min_id = {7, 1}}), 2U);
    ASSERT_EQ(stream.nodes().size(), 1U);  // as in Redis
    stream.set_last_id({0, 0});            // XSETID
    for (uint64_t i = first; i <= 9; ++i) {
      add(stream, {i, 1}, fields, limits);
      model[{i, 1}] = fields;
      expect_same(stream, model);
      EXPECT_TRUE(stream.contains({i, 1}));
      EXPECT_TRUE(StreamRange(stream, {i, 1}, {i, 1}, StreamRange::Order::backward).next());
    }
    while (!model.empty()) {
      EXPECT_TRUE(stream.erase(model.begin()->first));
      model.erase(model.begin());
      expect_same(stream, model);
    }
  }
}

TEST(StreamObject, DeletesEntriesAddedWithIdsBeforeThatOfAnEmptiedBlock) {
  StreamObject stream;
  add(stream, {5, 1}, {"f", "v"});
  add(stream, {6, 1}, {"f", "v"});
  ASSERT_TRUE(stream.erase({6, 1}));
  ASSERT_EQ(stream.trim({.keep = {}, .min_id = {6, 1}}), 1U);
  stream.set_last_id({0, 0});
  add(stream, {1, 1}, {"f", "v"});
  EXPECT_TRUE(stream.contains({1, 1}));
  EXPECT_TRUE(stream.erase({1, 1}));
  expect_same(stream, {});
}

TEST(StreamObject, LoadsEntriesWithIdsBeforeThatOfTheirBlock) {
  // Redis has such blocks, after the commands of the test above.
  StreamNode late({1, 1}, std::vector<std::string_view>{"f", "1"});
  for (uint64_t i = 1; i <= 60; ++i) {
    const std::string number = std::to_string(i);
    const std::vector<std::string_view> usual{"f", number}, other{"g", number, "h", "a text"};
    late.append({1000 * i, i}, i % 3 == 0 ? other : usual, 20, 4096);
  }
  late.erase(late.first());
  const auto block = late.under({50'000'000, 50'000'000});
  ASSERT_NE(block, nullptr);
  ASSERT_TRUE(StreamNode::validate(block->id(), block->pack()));

  StreamObject stream;
  ASSERT_TRUE(stream.load_node(block->id(), block->pack().clone()));
  ASSERT_TRUE(stream.load_end({.length = 59, .last_id = {60'000, 60}}));
  StreamModel model;
  for (uint64_t i = 2; i <= 60; ++i) {
    const std::string number = std::to_string(i);
    model[{1000 * i, i}] = i % 3 == 0 ? Texts{"g", number, "h", "a text"} : Texts{"f", number};
  }
  expect_same(stream, model);
  for (uint64_t i = 61; i <= 300; ++i) {
    add(stream, {1000 * i, i}, {"f", "v"});
    model[{1000 * i, i}] = {"f", "v"};
  }
  expect_same(stream, model);
  EXPECT_GT(stream.nodes().size(), 1U);
  while (!model.empty()) {
    EXPECT_TRUE(stream.erase(model.begin()->first));
    model.erase(model.begin());
  }
  expect_same(stream, model);
}

TEST(StreamObject, KeepsNoRoomForTheNamesThatABlockHasAlready) {
  StreamObject stream;
  const std::string name(100'000, 'n');
  add(stream, {1, 0}, {name, "v"});
  EXPECT_LT((*stream.nodes().first())->memory_bytes(), name.size() * 3 / 2);
}

TEST(StreamObject, CountsTheNodesOfRedissRadixTree) {
  StreamObject stream;
  EXPECT_EQ(stream.radix_nodes(), 1U);
  add(stream, {1, 0}, {"f", "v"}, {.node_bytes = 0, .node_entries = 1});
  EXPECT_EQ(stream.radix_nodes(), 2U);
  add(stream, {101, 0}, {"f", "v"}, {.node_bytes = 0, .node_entries = 1});
  EXPECT_EQ(stream.radix_nodes(), 6U);  // as XINFO STREAM of Redis 7.0 says for these two
}

}  // namespace
}  // namespace holdfast::node

// Loading by the batch into a keyspace: with one thread and with two, to the same end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <thread>

#include "common/base/random.h"
#include "node/keyspace/keyspace.h"
#include "node/persistence/batch_queue.h"
#include "node/persistence/rdb_reader.h"
#include "node/persistence/rdb_writer.h"
#include "tests/support/memory_data_set.h"

namespace holdfast::node {
namespace {

using testing::HasSubstr;
using Content = std::map<std::pair<int, std::string>, std::pair<std::string, int64_t>>;

Content content_of(const DataSource& source) {
  Content content;
  const auto done = source.for_each([&](const EntryView& entry) -> Result<> {
    Value::Scratch scratch;
    content[{entry.db, std::string(entry.key)}] = {std::string(entry.value.bytes(scratch)),
                                                   entry.expires_at ? to_unix_ms(*entry.expires_at) : 0};
    return {};
  });
  EXPECT_TRUE(done);
  return content;
}

test::MemoryDataSet sample(int keys) {
  test::MemoryDataSet data;
  SeededRandom random(5);
  for (int i = 0; i < keys; ++i) {
    std::string text(random.below(90), 'v');
    for (char& c : text) c = static_cast<char>('a' + random.below(26));
    const std::optional<int64_t> expiry = i % 3 == 0 ? std::optional<int64_t>(1'900'000'000'000 + i) : std::nullopt;
    data.put(i % 2, "key:" + std::to_string(i), i % 7 == 0 ? std::to_string(i) : text, expiry);
  }
  data.put(1, "long", std::string(2'000'000, 'x'));
  data.put(1, std::string(100'000, 'k'), "a long key");
  return data;
}

std::string dump(const DataSource& data) {
  StringSink sink;
  EXPECT_TRUE(save_rdb(data, sink, {}, {}));
  return sink.text();
}

struct Loaded {
  Result<RdbLoad> result;
  Content content;
  size_t index_bytes = 0;
};

Loaded load(std::string_view bytes, bool aside, RdbLoadOptions options = {}) {
  SeededRandom random(7);
  Keyspace keys(4, random);
  keys.begin(from_unix_ms(1'700'000'000'000), ExpiryMode::ignore);
  options.decode_aside = aside;
  options.source_bytes = bytes.size();
  StringSource source(bytes);
  auto result = load_rdb(source, keys, options);
  for (int db = 0; db < 2; ++db) {
    size_t keys_there = 0, expiring = 0, memory = keys.index_bytes(db);
    keys.for_each_key(db, [&](const Entry& entry) {
      ++keys_there;
      expiring += entry.has_expiry();
      memory += entry.memory_bytes();
      EXPECT_EQ(keys.find_raw(db, entry.key()), &entry);
      EXPECT_LT(entry.idle_ms(1'700'000'000'000), 1000);
    });
    EXPECT_EQ(keys_there, keys.key_count(db));
    EXPECT_EQ(expiring, keys.expire_count(db));
    EXPECT_EQ(memory, keys.memory_bytes(db));
  }
  return {std::move(result), content_of(keys), keys.index_bytes(0)};
}

class BatchLoad : public testing::TestWithParam<bool> {};

TEST_P(BatchLoad, GivesTheDataSetThatWasSaved) {
  const test::MemoryDataSet data = sample(30'000);
  const Loaded loaded = load(dump(data), GetParam());
  ASSERT_TRUE(loaded.result) << loaded.result.error().text;
  EXPECT_EQ(loaded.result->keys_loaded, 30'002U);
  EXPECT_EQ(loaded.content, content_of(data));
}

TEST_P(BatchLoad, KeepsWhatCameBeforeAFault) {
  const std::string bytes = dump(sample(30'000));
  const Loaded loaded = load(std::string_view(bytes).substr(0, bytes.size() / 8), GetParam());
  ASSERT_FALSE(loaded.result);
  EXPECT_THAT(loaded.result.error().text, HasSubstr("Short read"));
  EXPECT_GT(loaded.content.size(), 1000U);
}

TEST_P(BatchLoad, RefusesAKeyThatComesTwice) {
  test::MemoryDataSet data;
  data.put(0, "aaaa", "1");
  data.put(0, "bbbb", "2");
  std::string bytes = dump(data);
  bytes.replace(bytes.find("bbbb"), 4, "aaaa");
  RdbLoadOptions options;
  options.verify_checksum = false;
  const Loaded loaded = load(bytes, GetParam(), options);
  ASSERT_FALSE(loaded.result);
  EXPECT_EQ(loaded.result.error().text, "the key 'aaaa' appears twice in database 0");
  EXPECT_EQ(loaded.content.size(), 1U);
}

TEST_P(BatchLoad, StopsWhereTheCallerSaysSo) {
  const std::string bytes = dump(sample(100'000));
  RdbLoadOptions options;
  options.progress_interval_bytes = 10'000;
  const auto caller = std::this_thread::get_id();
  int calls = 0;
  options.on_progress = [&](uint64_t) -> Result<> {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    return ++calls == 4 ? Result<>(fail("enough")) : Result<>();
  };
  const Loaded loaded = load(bytes, GetParam(), options);
  ASSERT_FALSE(loaded.result);
  EXPECT_EQ(loaded.result.error().text, "enough");
  EXPECT_EQ(calls, 4);
}

TEST_P(BatchLoad, LeavesOutWhatHasExpired) {
  RdbLoadOptions options;
  options.drop_expired_at = from_unix_ms(1'900'000'001'500);
  const test::MemoryDataSet data = sample(3'000);
  const Loaded loaded = load(dump(data), GetParam(), options);
  ASSERT_TRUE(loaded.result);
  Content wanted = content_of(data);
  std::erase_if(wanted, [](const auto& item) { return item.second.second != 0 && item.second.second <= 1'900'000'001'500; });
  EXPECT_EQ(loaded.content, wanted);
  EXPECT_EQ(loaded.result->keys_expired, 3'002 - wanted.size());
}

INSTANTIATE_TEST_SUITE_P(Threads, BatchLoad, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "two" : "one"; });

TEST(BatchLoadSize, TakesAboutTheMemoryThatGrowingTakes) {
  constexpr int kKeys = 300'000;
  test::MemoryDataSet data;
  for (int i = 0; i < kKeys; ++i) data.put(0, "key:" + std::to_string(i), "v");
  const std::string bytes = dump(data);
  SeededRandom random(7);
  Keyspace grown(1, random);
  for (const auto& [key, entry] : data.databases[0]) grown.set(0, key, Value::string(entry.bytes));
  const Loaded loaded = load(bytes, false);
  ASSERT_TRUE(loaded.result);
  EXPECT_LT(static_cast<double>(loaded.index_bytes), 1.12 * static_cast<double>(grown.index_bytes(0)));
}

TEST(BatchLoadSize, DoesNotBelieveMoreKeysThanTheFileCanHold) {
  test::MemoryDataSet data;
  for (int i = 0; i < 2'000; ++i) data.put(0, "key:" + std::to_string(i), "v");
  std::string bytes = dump(data);
  const size_t at = bytes.find(std::string("\xFB\x47\xD0", 3));  // RESIZEDB, 2000 keys in 14 bits
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 3, std::string("\xFB\x81\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10));
  RdbLoadOptions options;
  options.verify_checksum = false;
  const Loaded loaded = load(bytes, false, options);
  ASSERT_TRUE(loaded.result) << loaded.result.error().text;
  EXPECT_EQ(loaded.content.size(), 2'000U);
  EXPECT_LT(loaded.index_bytes, 20 * bytes.size());
}

TEST(BatchQueue, HandsOverInOrderAndHoldsTheDecoderBack) {
  const EntryBatch::Rules rules{{HashSeed{}}, Access{0}};
  BatchQueue queue(rules);
  std::thread decoder([&] {
    EntryBatch batch(rules);
    for (uint64_t i = 1; i <= 100; ++i) {
      batch.add(0, "key", Value::integer(static_cast<int64_t>(i)), std::nullopt);
      EXPECT_TRUE(queue.put(batch, i));
      EXPECT_TRUE(batch.empty());
    }
    queue.finish();
  });
  uint64_t seen = 0;
  for (;;) {
    auto taken = queue.take(Millis{1000});
    if (taken.finished) break;
    if (!taken.batch) continue;
    EXPECT_EQ(taken.bytes, ++seen);
    taken.batch->clear();
    queue.give_back(std::move(*taken.batch));
  }
  decoder.join();
  EXPECT_EQ(seen, 100U);
}

TEST(BatchQueue, LetsTheDecoderGoWhenNobodyTakesAnyMore) {
  const EntryBatch::Rules rules{{HashSeed{}}, Access{0}};
  BatchQueue queue(rules);
  Result<> last;
  std::thread decoder([&] {
    EntryBatch batch(rules);
    while (last) {
      batch.add(0, "key", Value::integer(1), std::nullopt);
      last = queue.put(batch, 0);
    }
    queue.finish();
  });
  queue.cancel();
  decoder.join();
  EXPECT_FALSE(last);
}

}  // namespace
}  // namespace holdfast::node

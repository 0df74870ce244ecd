// The RDB codec against itself: round trips, every length form, hostile input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "node/persistence/crc64.h"
#include "node/persistence/rdb_decoder.h"
#include "node/persistence/rdb_encoder.h"
#include "node/persistence/rdb_reader.h"
#include "node/persistence/rdb_writer.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_data_set.h"

namespace holdfast::node {
namespace {

using test::MemoryDataSet;
using testing::HasSubstr;

std::string dump(const MemoryDataSet& data, RdbHeader header = {}, RdbEncoder::Options options = {}) {
  StringSink sink;
  const auto saved = save_rdb(data, sink, header, options);
  EXPECT_TRUE(saved) << saved.error().text;
  EXPECT_EQ(saved->bytes, sink.text().size());
  return sink.text();
}

Result<RdbLoad> load(std::string_view bytes, MemoryDataSet& data, const RdbLoadOptions& options = {}) {
  StringSource source(bytes);
  return load_rdb(source, data, options);
}

std::string error_of(std::string_view bytes) {
  MemoryDataSet data;
  const auto loaded = load(bytes, data);
  return loaded ? std::string() : loaded.error().text;
}

// A file by hand: header, these records, EOF and the right checksum.
std::string file_of(std::string_view records, std::string_view version = "0010") {
  std::string text = "REDIS" + std::string(version) + std::string(records) + "\xFF";
  const uint64_t crc = crc64(0, text);
  for (int i = 0; i < 8; ++i) text.push_back(static_cast<char>(crc >> (8 * i)));
  return text;
}

MemoryDataSet sample() {
  MemoryDataSet data;
  for (const char* number :
       {"0", "127", "128", "-128", "-129", "32767", "32768", "-32769", "2147483647", "2147483648", "-2147483648",
        "-2147483649", "9223372036854775807", "-9223372036854775808", "007", "+1"}) {
    data.put(0, number, number);
  }
  data.put(0, "empty", "");
  data.put(0, "", "the empty key");
  data.put(0, "expiring", "x", 1'900'000'000'123);
  for (const size_t size : {20, 21, 63, 64, 100, 16383, 16384, 70'000, 300'000}) {
    data.put(3, "packed" + std::to_string(size), std::string(size, 'a'));
    std::string noise;
    SeededRandom random(size);
    while (noise.size() < size) noise.push_back(static_cast<char>(random.below(256)));
    data.put(15, "raw" + std::to_string(size), noise);
  }
  return data;
}

TEST(Crc64, MatchesTheCheckValueInAnyParts) {
  EXPECT_EQ(crc64(0, "123456789"), 0xe9c6d914c4b8d9caULL);
  EXPECT_EQ(crc64(crc64(0, "1234"), "56789"), 0xe9c6d914c4b8d9caULL);
  EXPECT_EQ(crc64(0, ""), 0U);
}

TEST(RdbRoundTrip, KeepsEveryValueExpiryAndDatabase) {
  const MemoryDataSet data = sample();
  for (const bool compression : {true, false}) {
    for (const bool checksum : {true, false}) {
      MemoryDataSet back;
      const auto loaded = load(dump(data, {}, {compression, checksum}), back);
      ASSERT_TRUE(loaded) << loaded.error().text;
      EXPECT_EQ(back.databases, data.databases);
      EXPECT_EQ(loaded->version, 10);
      EXPECT_EQ(loaded->warnings.size(), checksum ? 0U : 1U);
    }
  }
}

TEST(RdbRoundTrip, CompressionShrinksWhatRepeats) {
  MemoryDataSet data;
  data.put(0, "k", std::string(10'000, 'z'));
  EXPECT_LT(dump(data).size(), 500U);
  EXPECT_GT(dump(data, {}, {.compression = false}).size(), 10'000U);
}

TEST(RdbRoundTrip, CarriesTheAuxFields) {
  SeededRandom random(1);
  const ReplicationPosition position{RunId::random(random), 123456789012, 5};
  MemoryDataSet back;
  const auto loaded = load(
      dump({},
           {.created = from_unix_ms(1'700'000'000'999), .used_memory = 42, .aof_base = true, .replication = position}),
      back);
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->replication, position);
  EXPECT_TRUE(loaded->aof_base);
  EXPECT_EQ(loaded->aux.at("redis-ver"), "7.0.15");
  EXPECT_EQ(loaded->aux.at("redis-bits"), "64");
  EXPECT_EQ(loaded->aux.at("ctime"), "1700000000");
  EXPECT_EQ(loaded->aux.at("used-mem"), "42");
}

TEST(RdbReader, StopsRightBehindTheFile) {
  const std::string bytes = dump(sample());
  MemoryDataSet back;
  const auto loaded = load(bytes + "*1\r\n$4\r\nPING\r\n", back);
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->bytes, bytes.size());
}

TEST(RdbReader, DropsKeysThatExpiredBeforeTheLoad) {
  MemoryDataSet data, back;
  data.put(0, "old", "x", 999);
  data.put(0, "now", "x", 1000);
  data.put(0, "new", "x", 1001);
  data.put(0, "kept", "x");
  RdbLoadOptions options;
  options.drop_expired_at = from_unix_ms(1000);
  const auto loaded = load(dump(data), back, options);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->keys_expired, 2U);
  EXPECT_EQ(back.databases[0].size(), 2U);
  EXPECT_TRUE(back.databases[0].contains("new"));
}

TEST(RdbReader, AcceptsEveryLengthFormAndSkipsHints) {
  using namespace std::string_literals;
  const std::string records =
      "\xFA\x01"s + "a" + "\x01" + "b"             // aux
      + "\xFE\x40\x02"s                            // SELECTDB as a 14-bit length
      + "\xFB\x80\0\0\0\x01\x81\0\0\0\0\0\0\0\0"s  // RESIZEDB in 32 and 64 bits
      + "\xF4\x01\x02\x03"s                        // slot info
      +
      "\xF5\x02"
      "fn"s                                                        // a function library
      + "\xFD\xFF\xFF\xFF\x7F\xF9\x05\0\x03one\x80\0\0\0\x03xyz"s  // expiry in seconds, LFU
      + "\xFC\xE8\x03\0\0\0\0\0\0\xF8\x07\0\x03two\xC1\x34\x12"s   // expiry in ms, LRU, 16-bit integer
      + "\0\x05three\x81\0\0\0\0\0\0\0\x01q"s                      // 64-bit length
      +
      "\0\x04"
      "four\xC0\xFF"s +
      "\0\xC0\x05\xC2\x78\x56\x34\x12"s;  // 8-bit; integer key; 32-bit
  for (const char* version : {"0005", "0009", "0010", "0011", "0012"}) {
    MemoryDataSet back;
    const auto loaded = load(file_of(records, version), back);
    ASSERT_TRUE(loaded) << loaded.error().text;
    const MemoryDataSet::Database expected = {{"one", MemoryDataSet::text("xyz", int64_t{0x7FFFFFFF} * 1000)},
                                              {"two", MemoryDataSet::text("4660", 1000)},
                                              {"three", MemoryDataSet::text("q")},
                                              {"four", MemoryDataSet::text("-1")},
                                              {"5", MemoryDataSet::text("305419896")}};
    EXPECT_EQ(back.databases[2], expected);
    EXPECT_TRUE(loaded->functions_skipped);
    EXPECT_EQ(loaded->warnings.size(), 1U);
  }
}

TEST(RdbReader, VersionsBeforeFiveHaveNoChecksum) {
  using namespace std::string_literals;
  for (const char* version : {"0001", "0004"}) {
    MemoryDataSet back;
    const auto loaded = load("REDIS"s + version + "\xFE\0\0\x01k\x01v\xFF"s, back);
    ASSERT_TRUE(loaded) << loaded.error().text;
    EXPECT_EQ(back.databases[0].size(), 1U);
  }
}

TEST(RdbReader, RefusesWithClearTexts) {
  using namespace std::string_literals;
  EXPECT_EQ(error_of(""), "Short read or OOM loading DB. Unrecoverable error, aborting now.");
  EXPECT_EQ(error_of("NOTANRDBFILE"), "Wrong signature trying to load DB from file");
  EXPECT_EQ(error_of("REDIS00x0..."), "Wrong signature trying to load DB from file");
  EXPECT_EQ(error_of("REDIS0000..."), "Can't handle RDB format version 0");
  EXPECT_EQ(error_of("REDIS0013..."), "Can't handle RDB format version 13");
  EXPECT_EQ(error_of("VALKEY080..."), "Can't handle RDB format version 080 of Valkey");
  EXPECT_EQ(error_of(file_of("\x06\x01k"s)), "RDB value type 6 (module) of key \"k\" in DB 0 is not supported");
  EXPECT_THAT(error_of(file_of("\x08\x01k"s)), HasSubstr("Unknown RDB encoding type 8"));
  EXPECT_THAT(error_of(file_of("\x63\x01k"s)), HasSubstr("Unknown RDB encoding type 99"));
  EXPECT_THAT(error_of(file_of("\0\xC4"s)), HasSubstr("Unknown RDB string encoding type 4"));
  EXPECT_THAT(error_of(file_of("\0\x82"s)), HasSubstr("Unknown length encoding"));
  EXPECT_THAT(error_of(file_of("\xFE\xC0\x01"s)), HasSubstr("a length was expected"));
  EXPECT_THAT(error_of(file_of("\xFE\x10"s)), HasSubstr("configured to handle more than 16 databases"));
  EXPECT_THAT(error_of(file_of("\xF6"s)), HasSubstr("Pre-release function format not supported."));
  // "ReJSON-RL" version 3, as its type id.
  EXPECT_THAT(error_of(file_of("\xF7\x81\x45\xE2\x52\x38\xDF\xE4\x4B\x03"s)),
              HasSubstr("AUX module data I can't load"));
  EXPECT_THAT(error_of(file_of("\x07\x01k\x81\x45\xE2\x52\x38\xDF\xE4\x4B\x03"s)),
              HasSubstr("module data I can't load: no matching module type"));
  EXPECT_THAT(error_of(file_of("\0\x01k\x01v\0\x01k\x01w"s)), HasSubstr("duplicated key 'k' in DB 0"));
}

TEST(RdbReader, AWrongChecksumIsAnError) {
  MemoryDataSet data;
  data.put(0, "key", "value");
  std::string bytes = dump(data);
  bytes[bytes.find("value")] = 'V';
  EXPECT_THAT(error_of(bytes), HasSubstr("Wrong RDB checksum expected: ("));
  MemoryDataSet back;
  RdbLoadOptions unchecked;
  unchecked.verify_checksum = false;
  EXPECT_TRUE(load(bytes, back, unchecked));
}

TEST(RdbReader, EveryTruncationIsAShortRead) {
  MemoryDataSet data;
  data.put(0, "number", "12345");
  data.put(0, "packed", std::string(300, 'a'));
  data.put(2, "expiring", "hello", 1'900'000'000'000);
  const std::string bytes = dump(data);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(error_of(std::string_view(bytes).substr(0, size)), RdbDecoder::kShortRead) << size;
  }
}

TEST(RdbReader, AHugeLengthAllocatesNothingBeyondTheInput) {
  using namespace std::string_literals;
  // 2^60 bytes announced, three there; and an LZF string that claims to unpack to 4 GB.
  EXPECT_EQ(error_of("REDIS0010\0\x01k\x81\x10\0\0\0\0\0\0\0abc"s), RdbDecoder::kShortRead);
  EXPECT_THAT(error_of(file_of("\0\x01k\xC3\x05\x80\xFF\xFF\xFF\xF0"
                               "abcde"s)),
              HasSubstr("Invalid LZF compressed string"));
}

TEST(RdbReader, RandomDamageNeverCrashes) {
  MemoryDataSet data = sample();
  data.databases[3].erase("packed300000");
  data.databases[15].clear();
  const std::string good = dump(data, {}, {.compression = true, .checksum = false});
  SeededRandom random(20261120);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good.substr(0, random.chance(0.2) ? random.below(good.size()) : good.size());
    for (uint64_t hits = 1 + random.below(4); hits > 0 && !bytes.empty(); --hits) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    }
    MemoryDataSet back;
    RdbLoadOptions options;
    options.verify_checksum = false;
    const auto loaded = load(bytes, back, options);
    EXPECT_TRUE(loaded || !loaded.error().text.empty());
  }
}

TEST(RdbReader, ReportsProgressAndStopsWhenTold) {
  MemoryDataSet data, back;
  for (int i = 0; i < 2000; ++i)
    data.put(0, "key" + std::to_string(i), std::string(30, static_cast<char>('a' + i % 26)));
  const std::string bytes = dump(data, {}, {.compression = false});
  RdbLoadOptions options;
  options.progress_interval_bytes = 1000;
  uint64_t calls = 0;
  uint64_t last = 0;
  options.on_progress = [&](uint64_t done) -> Result<> {
    EXPECT_GE(done, last);
    last = done;
    if (++calls == 10) return fail("enough");
    return {};
  };
  const auto loaded = load(bytes, back, options);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().text, "enough");
  EXPECT_EQ(calls, 10U);
}

TEST(RdbVerify, FindsDamageWithoutLoading) {
  test::FaultyFileSystem fs;
  const std::string good = dump(sample());
  fs.put("f", good);
  EXPECT_TRUE(verify_rdb_file(fs, "f"));
  const auto error = [&](std::string bytes) {
    fs.put("f", std::move(bytes));
    const auto verified = verify_rdb_file(fs, "f");
    return verified ? std::string() : verified.error().text;
  };
  for (size_t size = 0; size < 40; ++size) EXPECT_EQ(error(good.substr(0, size)), RdbDecoder::kShortRead) << size;
  EXPECT_EQ(error(good.substr(0, good.size() - 1)), RdbDecoder::kShortRead);
  EXPECT_EQ(error("REDIS0099" + good.substr(9)), "Can't handle RDB format version 99");
  EXPECT_EQ(error("x" + good), "Wrong signature trying to load DB from file");
  std::string flipped = good;
  flipped[good.size() / 2] ^= 1;
  EXPECT_THAT(error(flipped), HasSubstr("Wrong RDB checksum"));
  EXPECT_EQ(error(dump(sample(), {}, {.checksum = false})), "");
  EXPECT_EQ(error("REDIS0003\xFF"), "");
}

TEST(RdbWriter, AFailingSinkEndsTheSave) {
  class FullSink final : public ByteSink {
    Result<> write(std::string_view) override { return fail("No space left on device"); }
  } sink;
  MemoryDataSet data;
  for (int i = 0; i < 20'000; ++i) data.put(0, "key" + std::to_string(i), "value");
  const auto saved = save_rdb(data, sink, {}, {});
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().text, "No space left on device");
}

}  // namespace
}  // namespace holdfast::node

#include "node/persistence/dump_payload.h"

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "node/persistence/crc64.h"

namespace holdfast::node {
namespace {

using namespace std::string_literals;

std::string text_of(const Result<Value>& value) {
  if (!value) return value.error().text;
  Value::Scratch scratch;
  return std::string(value->bytes(scratch));
}

// `body` with a footer as a server of this format version makes it.
std::string sealed(std::string body, int version = 10) {
  body += static_cast<char>(version & 0xff);
  body += static_cast<char>(version >> 8);
  const uint64_t crc = crc64(0, body);
  for (int i = 0; i < 8; ++i) body += static_cast<char>(crc >> (8 * i));
  return body;
}

const std::string kBar = "\x00\x03"s + "bar\n\x00\xe6\xbeI`\xee"s + "f\xfd\x17";  // DUMP of "bar" by Redis 7.0.15
constexpr std::string_view kWrong = "ERR DUMP payload version or checksum are wrong";
constexpr std::string_view kBad = "ERR Bad data format";

TEST(DumpPayload, IsWhatRedisWrites) {
  EXPECT_EQ(dump_payload(Value::string("bar"), true), kBar);
  EXPECT_EQ(dump_payload(Value::string("12345"), true), "\x00\xc1"s + "90\n\x00\x9d\x94\xea'\x93\xfc\x08\xb9"s);
  EXPECT_EQ(dump_payload(Value::string("111111111111111"), true),
            "\x00\x0f"s + "111111111111111\n\x00[\x93?S5\xdbo\xcb"s);
}

TEST(DumpPayload, ReadsWhatRedisWrites) {
  EXPECT_EQ(text_of(restore_payload(kBar, {})), "bar");
  EXPECT_EQ(text_of(restore_payload("\x00\xc1"s + "90\n\x00\x9d\x94\xea'\x93\xfc\x08\xb9"s, {})), "12345");
  EXPECT_EQ(text_of(restore_payload("\x00\xc3\t@d\x01"s + "aa\xe0W\x00\x01"s + "aa\n\x00\xe8\xa3\xb5\x07\xb0m\xf2q"s, {})),
            std::string(100, 'a'));
}

TEST(DumpPayload, ComesBackWhateverTheStringIs) {
  SeededRandom random(3);
  for (const size_t size : {0u, 1u, 20u, 63u, 64u, 5000u, 70000u}) {
    std::string noise(size, ' ');
    for (char& c : noise) c = static_cast<char>(random.next());
    for (const std::string& text : {noise, std::string(size, 'x')}) {
      for (const bool compression : {true, false}) {
        EXPECT_EQ(text_of(restore_payload(dump_payload(Value::raw_string(text), compression), {})), text);
      }
    }
  }
  const std::string runs(5000, 'r');
  EXPECT_LT(dump_payload(Value::raw_string(runs), true).size(), runs.size() / 10);
  EXPECT_GT(dump_payload(Value::raw_string(runs), false).size(), runs.size());
}

TEST(DumpPayload, AnyChangedByteIsNoticed) {
  for (size_t i = 0; i < kBar.size(); ++i) {
    std::string changed = kBar;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(text_of(restore_payload(changed, {})), kWrong) << i;
  }
}

TEST(DumpPayload, TooShortForAFooterIsWrong) {
  for (size_t size = 0; size < 10; ++size) EXPECT_EQ(text_of(restore_payload(kBar.substr(0, size), {})), kWrong);
}

TEST(DumpPayload, LaterVersionsAreRefusedEarlierOnesRead) {
  EXPECT_EQ(text_of(restore_payload(sealed("\x00\x03"s + "bar", 9), {})), "bar");
  EXPECT_EQ(text_of(restore_payload(sealed("\x00\x03"s + "bar", 0), {})), "bar");
  EXPECT_EQ(text_of(restore_payload(sealed("\x00\x03"s + "bar", 13), {})), kWrong);
  EXPECT_EQ(text_of(restore_payload(sealed("\x00\x03"s + "bar", 0x0a00), {})), kWrong);
}

TEST(DumpPayload, WhatIsNoValueIsBadData) {
  EXPECT_EQ(text_of(restore_payload(sealed(""), {})), kBad);
  EXPECT_EQ(text_of(restore_payload(sealed("\x08\x03"s + "bar"), {})), kBad);          // no such type
  EXPECT_EQ(text_of(restore_payload(sealed("\xc0\x05"s + "bar"), {})), kBad);          // no type at all
  EXPECT_EQ(text_of(restore_payload(sealed("\x00\x3f"s + "bar"), {})), kBad);          // longer than what is there
  EXPECT_EQ(text_of(restore_payload(sealed("\x00\x80\xff\xff\xff\xff"s), {})), kBad);  // 4 GB announced, none there
  EXPECT_EQ(text_of(restore_payload(sealed("\x00\xc7"s), {})), kBad);                  // no such encoding
  EXPECT_EQ(text_of(restore_payload(sealed("\x00\x03"s + "bar and more"), {})), "bar");
}

TEST(DumpPayload, ChecksumCanBeLeftUnchecked) {
  std::string changed = kBar;
  changed.back() = 'x';
  EXPECT_EQ(text_of(restore_payload(changed, {}, PayloadCheck::version_only)), "bar");
}

TEST(DumpPayload, SurvivesGarbage) {
  SeededRandom random(5);
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string noise(random.next() % 40, ' ');
    for (char& c : noise) c = static_cast<char>(random.next() % 3 == 0 ? random.next() : random.next() % 8);
    read += restore_payload(sealed(noise), {}) ? 1 : 0;
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, 20000);
}

TEST(DumpPayload, LengthOfTheValueAlone) {
  EXPECT_EQ(serialized_length(Value::string("1"), true), 2u);
  EXPECT_EQ(serialized_length(Value::string("value:2"), true), 8u);
  EXPECT_EQ(serialized_length(Value::raw_string("x" + std::string(100, 'x') + "y"), true), 13u);
}

}  // namespace
}  // namespace holdfast::node

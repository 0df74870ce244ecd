#include "node/types/listpack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "common/base/random.h"

namespace holdfast::node {
namespace {

std::vector<std::string> elements(const Listpack& pack) {
  std::vector<std::string> all;
  Listpack::Scratch scratch;
  for (auto at = pack.first(); at != Listpack::kEnd; at = pack.next(at)) all.emplace_back(pack.get(at).view(scratch));
  return all;
}

std::vector<std::string> backwards(const Listpack& pack) {
  std::vector<std::string> all;
  Listpack::Scratch scratch;
  for (auto at = pack.last(); at != Listpack::kEnd; at = pack.previous(at)) all.emplace_back(pack.get(at).view(scratch));
  return all;
}

std::string random_value(RandomSource& random) {
  static constexpr int64_t kEdges[] = {0,      -1,     127,     128,      -128,      4095,       4096,       -4096,     -4097,
                                       32767,  32768,  -32768,  -32769,   8388607,   8388608,    -8388608,   -8388609,  2147483647,
                                       2147483648, -2147483648, -2147483649, INT64_MAX, INT64_MIN};
  switch (random.below(4)) {
    case 0: return std::to_string(kEdges[random.below(std::size(kEdges))]);
    case 1: return std::string(random.below(70), 'a');
    case 2: return std::string(random.below(40) == 0 ? 4090 + random.below(20) : random.below(200), 'b');
    default: return "0" + std::to_string(random.below(100));  // no canonical integer
  }
}

TEST(Listpack, IsEmptyAtFirst) {
  const Listpack pack;
  EXPECT_EQ(pack.bytes(), std::string_view("\7\0\0\0\0\0\xff", 7));
  EXPECT_EQ(pack.count(), 0u);
  EXPECT_EQ(pack.first(), Listpack::kEnd);
  EXPECT_EQ(pack.last(), Listpack::kEnd);
  EXPECT_EQ(pack.at(0), Listpack::kEnd);
  EXPECT_EQ(pack.at(-1), Listpack::kEnd);
  EXPECT_TRUE(Listpack::validate(pack.bytes()));
}

TEST(Listpack, HasThePublishedLayout) {
  Listpack pack;
  pack.append("a");
  pack.append("1");
  pack.append("-1");
  pack.append("1000000");
  // 6-bit text, 7-bit integer, 13-bit integer, 24-bit integer; each with its length behind it.
  EXPECT_EQ(pack.bytes(), std::string_view("\x14\0\0\0\4\0" "\x81" "a\2" "\1\1" "\xdf\xff\2" "\xf2\x40\x42\x0f\4" "\xff", 20));
}

TEST(Listpack, DoesWhatAVectorOfStringsDoes) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    Listpack pack;
    std::vector<std::string> model;
    for (int step = 0; step < 150; ++step) {
      const std::string value = random_value(random);
      const size_t index = model.empty() ? 0 : random.below(model.size());
      const auto place = model.begin() + static_cast<ptrdiff_t>(index);
      switch (random.below(7)) {
        case 0:
          pack.append(value);
          model.push_back(value);
          break;
        case 1:
          pack.prepend(value);
          model.insert(model.begin(), value);
          break;
        case 2:
          pack.insert(pack.at(static_cast<int64_t>(index)), value);
          model.insert(place, value);
          break;
        case 3:
          if (model.empty()) break;
          pack.replace(pack.at(static_cast<int64_t>(index)), value);
          *place = value;
          break;
        case 4: {
          if (model.empty()) break;
          const size_t count = 1 + random.below(3);
          pack.erase(pack.at(static_cast<int64_t>(index)), count);
          model.erase(place, place + static_cast<ptrdiff_t>(std::min(count, model.size() - index)));
          break;
        }
        case 5: {
          const std::string second = random_value(random);
          pack.append_pair(value, second);
          model.push_back(value);
          model.push_back(second);
          break;
        }
        default: {
          const auto found = std::ranges::find(model, value);
          const auto expected = found == model.end() ? Listpack::kEnd : pack.at(found - model.begin());
          EXPECT_EQ(pack.find(pack.first(), value), expected);
        }
      }
      ASSERT_TRUE(Listpack::validate(pack.bytes()));
      ASSERT_EQ(pack.count(), model.size());
      ASSERT_GE(pack.memory_bytes(), pack.size_bytes());
    }
    ASSERT_EQ(elements(pack), model);
    std::ranges::reverse(model);
    ASSERT_EQ(backwards(pack), model);
    for (size_t i = 0; i < model.size(); ++i) {
      EXPECT_TRUE(pack.get(pack.at(-1 - static_cast<int64_t>(i))).equals(model[i]));
    }
    EXPECT_EQ(elements(pack.clone()), elements(pack));
  }
}

TEST(Listpack, CountsMoreElementsThanItsHeaderCan) {
  Listpack pack;
  for (int i = 0; i < 70'000; ++i) pack.append(i);
  EXPECT_EQ(pack.count(), 70'000u);
  EXPECT_EQ(*pack.get(pack.at(69'999)).integer, 69'999);
  EXPECT_EQ(*pack.get(pack.at(-70'000)).integer, 0);
  EXPECT_EQ(pack.at(70'000), Listpack::kEnd);
  pack.erase(pack.first(), 5'000);
  EXPECT_EQ(pack.count(), 65'000u);
  EXPECT_EQ(pack.bytes().substr(4, 2), std::string_view("\xe8\xfd", 2));
  for (int i = 0; i < 300; ++i) pack.append_pair("field", "value");
  EXPECT_EQ(pack.count(), 65'600u);
}

TEST(Listpack, PushesWhereTheHeaderCannotCount) {
  Listpack pack;
  for (int i = 0; i < 65'533; ++i) pack.append(1);
  for (const char* value : {"2", "3", "4", "5"}) {
    pack.push(true, value, Listpack::Form(value));
    pack.push(false, value, Listpack::Form(value));
  }
  EXPECT_EQ(pack.count(), 65'541u);
  EXPECT_TRUE(Listpack::validate(pack.bytes()));
  EXPECT_EQ(pack.get(pack.first()).integer, 5);
  EXPECT_EQ(pack.get(pack.last()).integer, 5);
}

TEST(Listpack, FindsEverySecondElement) {
  Listpack pack;
  for (const char* word : {"b", "a", "a", "1", "1", "b"}) pack.append(word);
  EXPECT_EQ(pack.find(pack.first(), "a", 2), pack.at(2));
  EXPECT_EQ(pack.find(pack.first(), "1", 2), pack.at(4));
  EXPECT_EQ(pack.find(pack.first(), "x", 2), Listpack::kEnd);
}

TEST(Listpack, RefusesWhatIsDamaged) {
  Listpack pack;
  for (const char* word : {"some text", "12345", "-7", ""}) pack.append(word);
  pack.append(std::string(100, 'x'));
  const std::string whole(pack.bytes());
  ASSERT_TRUE(Listpack::validate(whole));
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(Listpack::validate(whole.substr(0, size))) << size;
  EXPECT_FALSE(Listpack::validate(whole + '\xff'));
  // Whatever random damage leaves valid can be read to its end.
  SeededRandom random(1);
  size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = whole;
    for (uint64_t i = 0; i <= random.below(3); ++i) damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    if (Listpack::validate(damaged)) {
      elements(Listpack::copy_of(damaged));
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000u);
}

TEST(Listpack, WalksElementsOfAllEncodings) {
  SeededRandom random(7);
  Listpack pack;
  for (int i = 0; i < 500; ++i) pack.append(random_value(random));
  const auto expected = elements(pack);
  std::vector<std::string> walked;
  Listpack::Scratch scratch;
  pack.walk(pack.at(100), 300, [&](const Listpack::Element& element) { walked.emplace_back(element.view(scratch)); });
  EXPECT_EQ(walked, std::vector<std::string>(expected.begin() + 100, expected.begin() + 400));
}

// Pushes and pops at both ends use the free room on either side of the block, which never exceeds half of it.
TEST(Listpack, KeepsItsRoomInBoundsWhileItsEndsMove) {
  for (const int mode : {0, 1, 2, 3}) {
    SCOPED_TRACE(mode);
    Listpack pack;
    std::vector<std::string> model;
    for (int i = 0; i < 3000; ++i) {
      const std::string value = std::to_string(i * 37);
      const bool front = mode == 0 || (mode == 2 && i % 2 == 0) || (mode == 3 && i % 3 != 0);
      front ? pack.prepend(value) : pack.append(value);
      model.insert(front ? model.begin() : model.end(), value);
      if (mode == 3 && i % 2 == 0) {
        pack.erase(pack.first());
        model.erase(model.begin());
      }
      ASSERT_GE(pack.memory_bytes(), pack.size_bytes());
      ASSERT_LE(pack.memory_bytes(), 2 * pack.size_bytes() + 16);
    }
    ASSERT_TRUE(Listpack::validate(pack.bytes()));
    ASSERT_EQ(elements(pack), model);
    while (!pack.empty()) pack.erase(pack.first());
    EXPECT_EQ(pack.bytes(), std::string_view("\7\0\0\0\0\0\xff", 7));
    EXPECT_LE(pack.memory_bytes(), 16u);
  }
}

}  // namespace
}  // namespace holdfast::node

#include "node/persistence/short_lzf.h"

#include <gtest/gtest.h>
#include <liblzf/lzf.h>

#include <random>
#include <string>

namespace holdfast::node {
namespace {

// What liblzf, and so redis-server, reads in it.
std::string unpacked(std::string_view packed, size_t bytes) {
  if (bytes == 0) return packed.empty() ? "" : "bytes for nothing";
  std::string text(bytes, '?');
  const unsigned size =
      lzf_decompress(packed.data(), static_cast<unsigned>(packed.size()), text.data(), static_cast<unsigned>(bytes));
  text.resize(size);
  return text;
}

TEST(ShortLzf, LiblzfReadsWhatIsMadeOfTextsOfAllSizesAndAlphabets) {
  std::mt19937 random(7);
  ShortLzf lzf;
  for (unsigned letters : {1, 2, 3, 5, 26, 256}) {
    for (size_t bytes = 0; bytes <= ShortLzf::kMaxBytes; ++bytes) {
      for (int round = 0; round < 10; ++round) {
        std::string text(bytes, 0);
        for (char& letter : text) letter = static_cast<char>(random() % letters);
        ASSERT_EQ(unpacked(lzf.compress(text), bytes), text) << bytes << " bytes of " << letters << " letters";
      }
    }
  }
}

TEST(ShortLzf, CopiesOfEveryLengthAndDistance) {
  std::mt19937 random(11);
  ShortLzf lzf;
  for (size_t distance = 1; distance < 128; ++distance) {
    for (size_t length = 1; length <= 128; ++length) {
      std::string text(distance, 0);
      for (char& letter : text) letter = static_cast<char>(random());
      for (size_t i = 0; i < length; ++i) text += text[i];
      ASSERT_EQ(unpacked(lzf.compress(text), text.size()), text) << length << " bytes from " << distance << " back";
    }
  }
}

TEST(ShortLzf, ATextThatRepeatsBecomesShorterAndOneThatDoesNotHardlyLonger) {
  ShortLzf lzf;
  EXPECT_EQ(lzf.compress(std::string(256, 'a')).size(), 5U);  // a letter, and a copy of the rest
  std::string all(256, 0);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i);
  EXPECT_EQ(lzf.compress(all).size(), 256U + 8U);
}

// No slower search may hide a copy that liblzf finds.
TEST(ShortLzf, GainsAboutAsMuchAsLiblzf) {
  std::mt19937 random(3);
  ShortLzf lzf;
  size_t ours = 0, theirs = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string text = R"({"id":)" + std::to_string(random()) + R"(,"name":"user)" +
                             std::to_string(random() % 1000) + R"(","email":"user)" + std::to_string(random() % 1000) +
                             R"(@example.com","roles":["user","admin"]})";
    std::string out(text.size(), 0);
    ours += lzf.compress(text).size();
    theirs +=
        lzf_compress(text.data(), static_cast<unsigned>(text.size()), out.data(), static_cast<unsigned>(out.size()));
  }
  EXPECT_LT(ours, theirs * 102 / 100);
}

}  // namespace
}  // namespace holdfast::node

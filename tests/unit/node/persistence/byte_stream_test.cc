#include "node/persistence/byte_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <fmt/format.h>
#include <vector>

namespace holdfast::node {
namespace {

// Says what was asked of it, in order.
class RecordingFile final : public File {
 public:
  Result<size_t> read_at(uint64_t, std::span<char>) override { return 0; }
  Result<> append(std::string_view bytes) override {
    if (fails) return fail("no");
    content += bytes;
    const bool aligned = std::bit_cast<uintptr_t>(bytes.data()) % kDirectAlignment == 0;
    calls.push_back(fmt::format("{} {}", aligned ? "blocks" : "append", bytes.size()));
    return {};
  }
  Result<> sync() override {
    calls.push_back(fmt::format("sync {}", content.size()));
    if (sync_fails) return fail("no");
    return {};
  }
  void bypass_cache(bool on) override { calls.emplace_back(on ? "bypass" : "no bypass"); }
  Result<> truncate(uint64_t) override { return {}; }
  Result<uint64_t> size() override { return content.size(); }
  std::unique_ptr<File> open_again() override { return nullptr; }

  std::vector<std::string> calls;
  std::string content;
  bool fails = false, sync_fails = false;
};

using testing::ElementsAre;
constexpr size_t kBlock = FileSink::kBlockBytes;

TEST(FileSink, GathersBlocksThatGoPastTheCache) {
  RecordingFile file;
  FileSink sink(file, 2 * kBlock, FileSink::Cached::no);
  std::string text(kBlock - 1, 'a');
  EXPECT_TRUE(sink.write(text));
  EXPECT_THAT(file.calls, ElementsAre("bypass"));
  EXPECT_TRUE(sink.write("bcd"));
  EXPECT_THAT(file.calls, ElementsAre("bypass", fmt::format("blocks {}", kBlock)));
  file.calls.clear();
  const std::string more(2 * kBlock, 'e');
  EXPECT_TRUE(sink.write(more));
  const std::string block = fmt::format("blocks {}", kBlock), both = fmt::format("sync {}", 2 * kBlock);
  EXPECT_THAT(file.calls, ElementsAre(block, both, block));
  file.calls.clear();
  EXPECT_TRUE(sink.finish());
  EXPECT_THAT(file.calls, ElementsAre("no bypass", "blocks 2", fmt::format("sync {}", 3 * kBlock + 2)));
  EXPECT_EQ(file.content, text + "bcd" + more);
}

TEST(FileSink, AFileThatFailsIsToldOfAtOnceAndAtTheEnd) {
  RecordingFile file;
  FileSink sink(file, kBlock, FileSink::Cached::no);
  EXPECT_TRUE(sink.write("12"));
  file.fails = true;
  EXPECT_FALSE(sink.write(std::string(kBlock, 'a')));
  FileSink other(file, kBlock, FileSink::Cached::no);
  EXPECT_TRUE(other.write("12"));
  EXPECT_FALSE(other.finish());
}

TEST(FileSink, ASyncThatFailsIsToldOfOnTheWayAndAtTheEnd) {
  RecordingFile file;
  file.sync_fails = true;
  FileSink sink(file, kBlock, FileSink::Cached::no);
  EXPECT_FALSE(sink.write(std::string(kBlock, 'a')));
  FileSink cached(file, 10);
  EXPECT_FALSE(cached.write("1234567890"));
  FileSink other(file, kBlock, FileSink::Cached::no);
  EXPECT_TRUE(other.write("12"));
  EXPECT_FALSE(other.finish());
}

TEST(FileSink, LeavesInTheCacheWhatIsReadNext) {
  RecordingFile file;
  FileSink sink(file, 10);
  EXPECT_TRUE(sink.write("1234567890"));
  EXPECT_TRUE(sink.write("1"));
  EXPECT_TRUE(sink.finish());
  EXPECT_EQ(file.content, "12345678901");
  EXPECT_THAT(file.calls, ElementsAre(testing::_, "sync 10", testing::_, "sync 11"));
}

TEST(FileSink, SyncsAtTheEndWhereItShallNotBefore) {
  RecordingFile file;
  FileSink sink(file, 0, FileSink::Cached::no);
  const std::string text(2 * kBlock, 'a');
  EXPECT_TRUE(sink.write(text));
  EXPECT_TRUE(sink.finish());
  EXPECT_THAT(file.calls, ElementsAre(testing::_, fmt::format("sync {}", 2 * kBlock)));
}

}  // namespace
}  // namespace holdfast::node

#include "node/persistence/byte_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <vector>

namespace holdfast::node {
namespace {

// Says what was asked of it, in order.
class RecordingFile final : public File {
 public:
  Result<size_t> read_at(uint64_t, std::span<char>) override { return 0; }
  Result<> append(std::string_view bytes) override {
    size_ += bytes.size();
    return {};
  }
  Result<> sync() override {
    calls.push_back(fmt::format("sync {}", size_));
    if (fails) return fail("no");
    return {};
  }
  void drop_cached(uint64_t offset, uint64_t bytes) override { calls.push_back(fmt::format("drop {}+{}", offset, bytes)); }
  Result<> truncate(uint64_t) override { return {}; }
  Result<uint64_t> size() override { return size_; }
  std::unique_ptr<File> open_again() override { return nullptr; }

  std::vector<std::string> calls;
  bool fails = false;

 private:
  uint64_t size_ = 0;
};

TEST(FileSink, DropsFromTheCacheWhatWasSynced) {
  RecordingFile file;
  FileSink sink(file, 10, FileSink::Cached::dropped);
  for (const char* piece : {"123456", "123456", "1234", "1234567890"}) EXPECT_TRUE(sink.write(piece));
  EXPECT_THAT(file.calls, testing::ElementsAre("sync 12", "drop 0+12", "sync 26", "drop 12+14"));
  file.calls.clear();
  file.fails = true;
  EXPECT_FALSE(sink.write("1234567890"));
  EXPECT_THAT(file.calls, testing::ElementsAre("sync 36")) << "what could not be synced is nothing to be dropped";
}

TEST(FileSink, LeavesInTheCacheWhatIsReadNext) {
  RecordingFile file;
  FileSink sink(file, 10);
  EXPECT_TRUE(sink.write("1234567890"));
  EXPECT_THAT(file.calls, testing::ElementsAre("sync 10"));
}

}  // namespace
}  // namespace holdfast::node

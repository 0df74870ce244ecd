#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "common/fs/file_system.h"

namespace holdfast {
namespace {

constexpr size_t kBlock = File::kDirectAlignment;

class PosixFileTest : public ::testing::Test {
 protected:
  PosixFileTest() : path_(testing::TempDir() + "holdfast-file-" + std::to_string(::getpid())) {
    file_ = fs_.open(path_, FileSystem::Mode::create).value();
  }
  ~PosixFileTest() override { (void)fs_.remove(path_); }

  std::string content() { return read_whole_file(fs_, path_).value(); }

  // Which of the file's first blocks the page cache has.
  std::vector<bool> cached(size_t blocks) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    FILE* const stream = std::fopen(path_.c_str(), "r");
    void* const memory = ::mmap(nullptr, blocks * kBlock, PROT_READ, MAP_SHARED, ::fileno(stream), 0);
    std::vector<unsigned char> pages((blocks * kBlock + page - 1) / page);
    EXPECT_EQ(::mincore(memory, blocks * kBlock, pages.data()), 0);
    ::munmap(memory, blocks * kBlock);
    std::fclose(stream);
    std::vector<bool> in_cache;
    for (size_t block = 0; block < blocks; ++block) in_cache.push_back((pages[block * kBlock / page] & 1) != 0);
    return in_cache;
  }

  // Others have no way past the cache, or are nothing but one.
  bool on_a_disk() {
    struct statfs status{};
    return ::statfs(path_.c_str(), &status) == 0 && (status.f_type == EXT4_SUPER_MAGIC || status.f_type == XFS_SUPER_MAGIC);
  }

  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  using Memory = std::unique_ptr<char, Free>;
  static Memory aligned(size_t blocks, char letter) {
    Memory memory(static_cast<char*>(std::aligned_alloc(kBlock, blocks * kBlock)));
    std::fill_n(memory.get(), blocks * kBlock, letter);
    return memory;
  }

  PosixFileSystem fs_;
  const std::string path_;
  std::unique_ptr<File> file_;
};

TEST_F(PosixFileTest, BlocksGoPastTheCacheAndTheRestThroughIt) {
  const Memory first = aligned(2, 'a');
  file_->bypass_cache(true);
  ASSERT_TRUE(file_->append({first.get(), 2 * kBlock}));
  file_->bypass_cache(false);
  ASSERT_TRUE(file_->append("the rest"));
  ASSERT_TRUE(file_->sync());
  if (on_a_disk()) {
    EXPECT_EQ(cached(3), (std::vector{false, false, true}));
  }
  EXPECT_EQ(content(), std::string(2 * kBlock, 'a') + "the rest");
}

TEST_F(PosixFileTest, WhatIsNotAlignedIsWrittenAllTheSame) {
  const Memory block = aligned(2, 'b');
  file_->bypass_cache(true);
  ASSERT_TRUE(file_->append("short"));
  ASSERT_TRUE(file_->append({block.get(), kBlock}));
  file_->bypass_cache(true);  // behind half a block
  ASSERT_TRUE(file_->append({block.get(), kBlock}));
  file_->bypass_cache(true);
  ASSERT_TRUE(file_->append({block.get() + 1, kBlock}));
  ASSERT_TRUE(file_->sync());
  EXPECT_EQ(content(), "short" + std::string(3 * kBlock, 'b'));
}

TEST_F(PosixFileTest, AFileThatCannotBeWrittenSaysSo) {
  ASSERT_TRUE(file_->append("text"));
  const auto reader = fs_.open(path_, FileSystem::Mode::read).value();
  reader->bypass_cache(true);
  const Memory block = aligned(1, 'c');
  EXPECT_EQ(reader->append({block.get(), kBlock}).error().code, EBADF);
  EXPECT_EQ(content(), "text");
}

}  // namespace
}  // namespace holdfast

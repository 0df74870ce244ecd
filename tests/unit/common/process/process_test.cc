#include "common/process/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/fs/file_system.h"

namespace holdfast::process {
namespace {

TEST(Process, WritesAndRemovesThePidFile) {
  const std::string path = testing::TempDir() + "/holdfast-process-test.pid";
  ASSERT_TRUE(write_pid_file(path));
  PosixFileSystem fs;
  EXPECT_EQ(read_whole_file(fs, path).value(), std::to_string(::getpid()) + "\n");
  remove_pid_file(path);
  EXPECT_FALSE(fs.exists(path));
  EXPECT_EQ(write_pid_file("/nonexistent-folder/x.pid").error().code, ENOENT);
}

TEST(Process, KeepsClientsThatFit) {
  EXPECT_EQ(fit_open_files(10), 10u);
}

}  // namespace
}  // namespace holdfast::process

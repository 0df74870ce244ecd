// Lines of included files against those of the sentinel's own file.
#include "sentinel/state/overruled_lines.h"

#include <gtest/gtest.h>

#include "common/base/text.h"

namespace holdfast::sentinel {
namespace {

SourcedLine sourced(std::string_view text, bool in_own_file) {
  SourcedLine line{{}, in_own_file};
  for (const std::string_view word : split(text, ' ')) line.words.emplace_back(word);
  return line;
}

// Is `included` overruled by `own`?
bool overruled(std::string_view own, std::string_view included) {
  const auto found = overruled_lines(std::vector{sourced(included, false), sourced(own, true)});
  EXPECT_FALSE(found[1]) << own;
  return found[0];
}

TEST(OverruledLines, WhatTheSentinelItselfChanges) {
  EXPECT_TRUE(overruled("monitor m 10.0.0.2 6380 2", "MONITOR m 10.0.0.1 6379 2"));
  EXPECT_TRUE(overruled("rename-command m CONFIG a", "rename-command m config b"));
  EXPECT_TRUE(overruled("leader-epoch m 7", "leader-epoch m 5"));
  EXPECT_TRUE(overruled("current-epoch 7", "current-epoch 5"));
  EXPECT_TRUE(overruled("known-replica m 10.0.0.2 6379", "known-slave m 10.0.0.3 6379"));
}

TEST(OverruledLines, NotWhatTheFileIsSilentAbout) {
  EXPECT_FALSE(overruled("monitor a 10.0.0.2 6380 2", "monitor b 10.0.0.1 6379 2"));
  EXPECT_FALSE(overruled("monitor m 10.0.0.2 6380 2", "leader-epoch m 5"));
  EXPECT_FALSE(overruled("rename-command m CONFIG a", "rename-command m SLAVEOF b"));
  EXPECT_FALSE(overruled("rename-command m CONFIG a", "rename-command n CONFIG b"));
}

TEST(OverruledLines, NotSettings) {
  EXPECT_FALSE(overruled("auth-pass m old", "auth-pass m new"));
  EXPECT_FALSE(overruled("announce-ip 10.0.0.1", "announce-ip 10.0.0.2"));
  EXPECT_FALSE(overruled("nonsense", "nonsense"));
}

TEST(OverruledLines, NotTheFilesOwnMistakes) {
  const SourcedLine line = sourced("monitor m 10.0.0.1 6379 2", true);
  EXPECT_EQ(overruled_lines(std::vector{line, line}), (std::vector{false, false}));
}

}  // namespace
}  // namespace holdfast::sentinel

#include "common/config/user_line.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

Result<> read(const Words& words, DefaultUser& user) { return read_user_line(words, user); }

TEST(UserLine, TakesWhatRedisWritesForAnUnrestrictedDefaultUser) {
  DefaultUser user;
  EXPECT_TRUE(read({"default", "on", "nopass", "~*", "&*", "+@all"}, user));
  EXPECT_TRUE(user.password_hashes.empty());
  const std::string hash(64, 'a');
  EXPECT_TRUE(read({"default", "on", "sanitize-payload", "#" + hash, "~*", "&*", "+@all"}, user));
  EXPECT_EQ(user.password_hashes, std::vector<std::string>{hash});
}

TEST(UserLine, RefusesWhatItCouldNotEnforce) {
  for (const Words& words : std::vector<Words>{{"alice", "on", "nopass", "~*", "&*", "+@all"},
                                               {"default", "off", "~*", "&*", "+@all"},
                                               {"default", "on", "nopass", "~app:*", "&*", "+@all"},
                                               {"default", "on", "nopass", "~*", "&*", "+@all", "-flushall"},
                                               {"default", "on", "nopass"}}) {
    DefaultUser user;
    EXPECT_FALSE(read(words, user)) << words.back();
  }
}

TEST(UserLine, NamesTheRuleThatIsNone) {
  DefaultUser user;
  EXPECT_EQ(read({"default", "on", "nonsense"}, user).error().text, "Error in user declaration 'nonsense': Syntax error");
  EXPECT_NE(read({"default", "on", "#12"}, user).error().text.find("exactly 64 characters"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::config

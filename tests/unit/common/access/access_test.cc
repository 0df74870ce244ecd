// Users, their rules and what they allow: Redis's documentation of ACL SETUSER, and what redis-server 7.0.15 answers.
#include <gtest/gtest.h>

#include "common/access/denial_log.h"
#include "common/access/password.h"
#include "common/access/users.h"
#include "common/base/text.h"

namespace holdfast::access {
namespace {

using command::CommandSpec;

struct NoContext {};
void nothing(NoContext&) {}

constexpr CommandSpec spec(std::string_view name, int arity, uint32_t flags, uint32_t categories = 0,
                           command::KeyRange keys = {}) {
  return {name, arity, flags, keys, categories};
}
constexpr command::KeyRange kReadOne = {1, 1, 1, command::kKeyRO | command::kKeyAccess};
constexpr command::KeyRange kWriteOne = {1, 1, 1, command::kKeyOW | command::kKeyUpdate};
constexpr command::KeyRange kMeetAll = {1, -1, 1, command::kKeyRO};

using Row = command::CommandRow<NoContext>;
constexpr std::array<Row, 3> kClient = {{
    {spec("id", 2, command::kNoScript, command::kConnection), nothing},
    {spec("kill", -3, command::kAdmin, command::kConnection), nothing},
    {spec("list", -2, command::kAdmin, command::kConnection), nothing},
}};
constexpr std::array<Row, 11> kRows = {{
    {spec("auth", -2, command::kFast | command::kNoAuth, command::kConnection), nothing},
    {spec("client", -2, 0), nullptr, kClient},
    {spec("exists", -2, command::kReadonly | command::kFast, command::kKeyspace, kMeetAll), nothing},
    {spec("get", 2, command::kReadonly | command::kFast, command::kString, kReadOne), nothing},
    {spec("info", -1, 0, command::kDangerous), nothing},
    {spec("ping", -1, command::kFast, command::kConnection), nothing},
    {spec("psubscribe", -2, command::kPubsub), nothing},
    {spec("publish", 3, command::kPubsub), nothing},
    {spec("select", 2, command::kFast, command::kConnection), nothing},
    {spec("set", -3, command::kWrite, command::kString, kWriteOne), nothing},
    {spec("subscribe", -2, command::kPubsub), nothing},
}};

class Access : public testing::Test {
 protected:
  Access() {
    table_.add(kRows);
    catalog_.emplace(table_.commands());
    users_.use_catalog(*catalog_);
  }

  std::string set(std::string_view name, std::string_view rules) {
    std::vector<std::string_view> words;
    for (const auto word : split(rules, ' ')) {
      if (!word.empty()) words.push_back(word);
    }
    const auto done = users_.set(name, words);
    return done ? "OK" : done.error().text;
  }
  // The rules of a user who begins anew.
  std::string shown(std::string_view rules) {
    EXPECT_EQ(set("alice", "reset on " + std::string(rules)), "OK");
    return users_.find("alice")->text().substr(std::string_view("alice on sanitize-payload ").size());
  }
  std::string error(std::string_view rules) {
    const std::string before = users_.find("alice") == nullptr ? "" : users_.find("alice")->text();
    const std::string text = set("alice", rules);
    EXPECT_EQ(users_.find("alice") == nullptr ? "" : users_.find("alice")->text(), before) << rules;
    return text.substr(text.rfind("': ") + 3);
  }
  // "" or what is refused: "command", "key b", "channel c".
  std::string refused(std::string_view line) const {
    const auto words = split(line, ' ');
    const auto* command = catalog_->find(words[0]);
    if (!command->subcommands.empty()) command = catalog_->find(fmt::format("{}|{}", words[0], words[1]));
    const Verdict verdict = users_.find("alice")->check(*command, words);
    switch (verdict.denial) {
      case Denial::none:
        return "";
      case Denial::command:
        return "command";
      case Denial::key:
        return fmt::format("key {}", words[verdict.at]);
      case Denial::channel:
        return fmt::format("channel {}", words[verdict.at]);
    }
    return "";
  }

  command::CommandTable<NoContext> table_;
  std::optional<Catalog> catalog_;
  Users users_;
};

TEST_F(Access, TheDefaultUserMayDoEverythingWithoutAPassword) {
  EXPECT_EQ(users_.text(), "user default on nopass ~* &* +@all\n");
  EXPECT_TRUE(users_.default_user()->unrestricted());
  EXPECT_TRUE(users_.open_to_all());
  EXPECT_EQ(users_.authenticate("default", "whatever"), users_.default_user());
}

TEST_F(Access, ANewUserMayDoNothing) {
  ASSERT_EQ(set("alice", ""), "OK");
  EXPECT_EQ(users_.find("alice")->text(), "alice off resetchannels -@all");
  EXPECT_EQ(refused("ping"), "command");
  EXPECT_EQ(refused("auth x"), "");  // who may not even log in could never become somebody else
  users_.set_channels_by_default(true);
  ASSERT_EQ(set("bob", "(+ping)"), "OK");
  EXPECT_EQ(users_.find("bob")->text(), "bob off &* -@all (&* -@all +ping)");
}

TEST_F(Access, PasswordsAreAddedRemovedAndReset) {
  ASSERT_EQ(set("alice", ">a >b >a on"), "OK");
  EXPECT_EQ(users_.find("alice")->passwords(), (std::vector{hash_of("a"), hash_of("b")}));
  EXPECT_EQ(hash_of("a"), "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
  EXPECT_NE(users_.authenticate("alice", "b"), nullptr);
  EXPECT_EQ(users_.authenticate("alice", "c"), nullptr);
  EXPECT_EQ(users_.authenticate("alice", ""), nullptr);
  EXPECT_EQ(users_.authenticate("nobody", "a"), nullptr);
  ASSERT_EQ(set("alice", "<b"), "OK");
  EXPECT_EQ(users_.authenticate("alice", "b"), nullptr);
  ASSERT_EQ(set("alice", "!" + hash_of("a")), "OK");
  EXPECT_EQ(users_.authenticate("alice", "a"), nullptr);
  ASSERT_EQ(set("alice", "nopass"), "OK");
  EXPECT_NE(users_.authenticate("alice", "anything"), nullptr);
  ASSERT_EQ(set("alice", "off"), "OK");
  EXPECT_EQ(users_.authenticate("alice", "anything"), nullptr);
  ASSERT_EQ(set("alice", "on #" + hash_of("x")), "OK");  // a password ends nopass
  EXPECT_EQ(users_.authenticate("alice", "anything"), nullptr);
  EXPECT_NE(users_.authenticate("alice", "x"), nullptr);
}

TEST_F(Access, RequirepassIsTheDefaultUsersOnlyPassword) {
  users_.set_default_password("first");
  users_.set_default_password("second");
  EXPECT_EQ(users_.authenticate("default", "first"), nullptr);
  EXPECT_EQ(users_.authenticate("default", "second"), users_.default_user());
  EXPECT_FALSE(users_.open_to_all());
  EXPECT_TRUE(users_.default_user()->unrestricted());
  users_.set_default_password("");
  EXPECT_EQ(users_.text(), "user default on nopass ~* &* +@all\n");
}

TEST_F(Access, RulesAreShownAsTheyWereGivenWithoutWhatLaterOnesMadeVoid) {
  EXPECT_EQ(shown("+@all -@dangerous"), "resetchannels +@all -@dangerous");
  EXPECT_EQ(shown("-@all +PING +@CONNECTION"), "resetchannels -@all +ping +@connection");
  EXPECT_EQ(shown("+ping -ping"), "resetchannels -@all");
  EXPECT_EQ(shown("+@pubsub -subscribe +subscribe"), "resetchannels -@all +@pubsub");
  EXPECT_EQ(shown("+@dangerous -@dangerous"), "resetchannels -@all");
  EXPECT_EQ(shown("+client|list +client"), "resetchannels -@all +client");
  EXPECT_EQ(shown("+client +client|list"), "resetchannels -@all +client");
  EXPECT_EQ(shown("+@all -client +client|list"), "resetchannels +@all -client +client|list");
  EXPECT_EQ(shown("+client -client|kill"), "resetchannels -@all +client -client|kill");
  EXPECT_EQ(shown("+select|0 +select|1"), "resetchannels -@all +select|0 +select|1");
  EXPECT_EQ(shown("+select|0 +select"), "resetchannels -@all +select");
  EXPECT_EQ(shown("+@all +select|0"), "resetchannels +@all");
  EXPECT_EQ(shown("+ping nocommands +info"), "resetchannels -@all +info");
  EXPECT_EQ(shown("+@hash"), "resetchannels -@all +@hash");  // nobody is in it here: it is kept all the same
}

TEST_F(Access, CommandsThatAreYetToComeAreTakenAndKept) {
  EXPECT_EQ(shown("+script|kill +script"), "resetchannels -@all +script");
  EXPECT_EQ(shown("+ping +script|kill -eval"), "resetchannels -@all +ping +script|kill -eval");
  EXPECT_EQ(refused("ping"), "");
  EXPECT_EQ(error("+scripts"), "Unknown command or category name in ACL");
}

TEST_F(Access, PatternsAreShownAsTheyWereGiven) {
  EXPECT_EQ(shown("%R~r* %W~w* %RW~rw* %WR~wr* ~x* ~x* %R~x* &c1 &c2 &c1"),
            "%R~r* %W~w* ~rw* ~wr* ~x* resetchannels &c1 &c2 -@all");
  EXPECT_EQ(shown("%R~k %W~k"), "~k resetchannels -@all");
  EXPECT_EQ(shown("~a allkeys allchannels"), "~* &* -@all");
  EXPECT_EQ(shown("~* resetkeys ~a &* resetchannels &b"), "~a resetchannels &b -@all");
}

TEST_F(Access, SelectorsAllowEachByItself) {
  EXPECT_EQ(shown("~a +get (+set ~b) (+publish &c)"),
            "~a resetchannels -@all +get (~b resetchannels -@all +set) (resetchannels &c -@all +publish)");
  EXPECT_EQ(refused("get a"), "");
  EXPECT_EQ(refused("set a 1"), "key a");  // the reason that got furthest
  EXPECT_EQ(refused("set b 1"), "");
  EXPECT_EQ(refused("get b"), "key b");
  EXPECT_EQ(refused("publish c 1"), "");
  EXPECT_EQ(refused("publish d 1"), "channel d");
  EXPECT_EQ(refused("ping"), "command");
  ASSERT_EQ(set("alice", "clearselectors"), "OK");
  EXPECT_EQ(refused("set b 1"), "command");
}

TEST_F(Access, KeysAreAllowedByWhatIsDoneWithThem) {
  shown("+@all %R~r* %W~w* ~a*");
  EXPECT_EQ(refused("get r1"), "");
  EXPECT_EQ(refused("set r1 x"), "key r1");
  EXPECT_EQ(refused("get w1"), "key w1");
  EXPECT_EQ(refused("set w1 x"), "");
  EXPECT_EQ(refused("exists r w a b"), "key b");  // whether it is there: either right will do
  EXPECT_EQ(refused("exists r w a"), "");
}

TEST_F(Access, ChannelsAreAllowedByPatternAndPatternsByTheirText) {
  shown("+@all &foo &ba*");
  EXPECT_EQ(refused("subscribe foo bar bax"), "");
  EXPECT_EQ(refused("subscribe foo zed"), "channel zed");
  EXPECT_EQ(refused("psubscribe ba*"), "");
  EXPECT_EQ(refused("psubscribe bar"), "channel bar");
  EXPECT_EQ(refused("publish bar hello"), "");
  EXPECT_EQ(refused("publish hello bar"), "channel hello");
}

TEST_F(Access, CommandsSubcommandsAndFirstArguments) {
  shown("+client|list +select|0 +ping");
  EXPECT_EQ(refused("client list"), "");
  EXPECT_EQ(refused("client kill x"), "command");
  EXPECT_EQ(refused("select 0"), "");
  EXPECT_EQ(refused("select 1"), "command");
  shown("+@connection -client|kill");
  EXPECT_EQ(refused("client list"), "");
  EXPECT_EQ(refused("client kill x"), "command");
  shown("+select|0 -@connection");
  EXPECT_EQ(refused("select 0"), "command");
  shown("allcommands -client");
  EXPECT_EQ(refused("client id"), "command");
  EXPECT_EQ(refused("info"), "");
}

TEST_F(Access, WhatIsNoRuleChangesNothing) {
  ASSERT_EQ(set("alice", "on >p ~a &c +ping"), "OK");
  const std::string unknown = "Unknown command or category name in ACL";
  for (const auto rule :
       {"+foo", "-foo", "+@foo", "+", "-", "+@", "+a|b|c", "+get|a|b", "-select|0", "+client|foo", "-client|foo"}) {
    EXPECT_EQ(error(rule), unknown) << rule;
  }
  for (const auto rule : {"foo", "%X~foo", "%~foo", "%RR~x", "%", "+client|", "(foo)", "(on)", "(>pw)"}) {
    EXPECT_EQ(error(rule), "Syntax error") << rule;
  }
  EXPECT_EQ(error("+client|list|x"), "Allowing first-arg of a subcommand is not supported");
  EXPECT_EQ(error("<nope"), "The password you are trying to remove from the user does not exist");
  EXPECT_EQ(error("#12"),
            "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters");
  EXPECT_TRUE(error("~* ~foo").starts_with("Adding a pattern after the * pattern (or the 'allkeys' flag)"));
  EXPECT_TRUE(error("&* &foo").starts_with("Adding a pattern after the * pattern (or the 'allchannels' flag)"));
  EXPECT_EQ(set("alice", "off (+ping"), "ERR Unmatched parenthesis in acl selector starting at '(+ping'.");
  EXPECT_TRUE(users_.find("alice")->on());
  EXPECT_EQ(set("a b", ""), "ERR Usernames can't contain spaces or null characters");
  const std::vector<std::string_view> spaces = {"~a b"};
  EXPECT_FALSE(users_.set("alice", spaces));
  const std::vector<std::string_view> closes_itself = {"(~a) +@all)"};
  EXPECT_FALSE(users_.set("alice", closes_itself));
}

TEST_F(Access, EveryUserReadsBackAsItIsWritten) {
  for (const auto rules :
       {"", "on nopass", ">a >b skip-sanitize-payload", "~a %R~b &c +@all -@dangerous +info",
        "allkeys allchannels (+get ~x) (%W~y -@all +set &z)", "+select|0 -@all +client -client|kill"}) {
    ASSERT_EQ(set("alice", "reset " + std::string(rules)), "OK");
    const User before = *users_.find("alice");
    Users again;
    again.use_catalog(*catalog_);
    ASSERT_TRUE(again.load_text(users_.text(), "file")) << users_.text();
    EXPECT_EQ(*again.find("alice"), before);
    const std::vector<Words> lines = {before.words()};
    ASSERT_TRUE(check_user_line(lines[0], {}));
    Users third;
    third.use_catalog(*catalog_);
    ASSERT_TRUE(third.load_lines(lines));
    EXPECT_EQ(*third.find("alice"), before);
  }
}

TEST_F(Access, AnAclFileIsTakenWholeOrNotAtAll) {
  ASSERT_EQ(set("old", "on nopass +ping"), "OK");
  ASSERT_EQ(set("kept", "on nopass +ping"), "OK");
  const auto kept = users_.find("kept");
  const auto bad = users_.load_text("user a +foo\nuser b foo\nuser b on\nbar\n\nuser c (+ping\n", "/f");
  ASSERT_FALSE(bad);
  EXPECT_EQ(
      bad.error().text,
      "/f:1: Error in applying operation '+foo': Unknown command or category name in ACL. /f:2: Syntax error. "
      "WARNING: Duplicate user 'b' found on line 3. /f:4 should start with user keyword followed by the username. "
      "/f:6: Unmatched parenthesis in selector definition.WARNING: ACL errors detected, no change to the previously "
      "active ACL rules was performed");
  EXPECT_NE(users_.find("old"), nullptr);
  ASSERT_TRUE(users_.load_text("\n user a on >p (+ping ~x)\n\nuser kept on +info", "/f"));
  EXPECT_EQ(users_.find("old"), nullptr);
  EXPECT_EQ(users_.find("kept"), kept);  // its clients follow
  EXPECT_EQ(kept->text(), "kept on resetchannels -@all +info");
  EXPECT_EQ(users_.text(), fmt::format("user a on #{} resetchannels -@all (~x resetchannels -@all +ping)\n"
                                       "user default on nopass ~* &* +@all\nuser kept on resetchannels -@all +info\n",
                                       hash_of("p")));
  const auto theirs = users_.default_user();
  ASSERT_TRUE(users_.load_text("user default on nopass +ping", "/f"));
  EXPECT_EQ(theirs->text(), "default on nopass resetchannels -@all +ping");
  EXPECT_FALSE(theirs->unrestricted());
}

TEST_F(Access, LinesOfAConfFileDefineUsersAfresh) {
  const std::vector<Words> lines = {{"default", "on", ">x", "~*", "&*", "+@all"}, {"bob", "on", "(+ping", "~x)"}};
  ASSERT_TRUE(users_.load_lines(lines));
  EXPECT_EQ(users_.default_user()->text(), "default on sanitize-payload #" + hash_of("x") + " ~* &* +@all");
  EXPECT_EQ(users_.find("bob")->text(), "bob on resetchannels -@all (~x resetchannels -@all +ping)");
  const std::vector<Words> unknown = {{"a", "+foo"}};
  EXPECT_EQ(users_.load_lines(unknown).error().text,
            "Error loading ACL rule '+foo' for the user named 'a': Unknown command or category name in ACL");
}

TEST_F(Access, ALineIsCheckedBeforeTheCommandsAreKnown) {
  EXPECT_TRUE(check_user_line({"a", "+anything", "-@whatever", "(+x", "~y)"}, {}));
  EXPECT_EQ(check_user_line({}, {}).error().text, "Bad directive or wrong number of arguments");
  EXPECT_EQ(check_user_line({"a", "nonsense"}, {}).error().text, "Error in user declaration 'nonsense': Syntax error");
  const std::vector<Words> before = {{"a", "on"}};
  EXPECT_EQ(check_user_line({"a", "off"}, before).error().text,
            "Error in user declaration 'a': Duplicate user found. A user can only be defined once in config files");
}

TEST(DenialLog, CountsWhatIsAlikeWithinAMinuteAndKeepsTheNewest) {
  DenialLog log;
  const auto add = [&](std::string object, int seconds) {
    log.add({.reason = "key",
             .context = "toplevel",
             .object = std::move(object),
             .user = "u",
             .client = "",
             .at = Instant(Seconds(seconds))});
  };
  add("a", 0);
  add("b", 1);
  add("a", 59);
  ASSERT_EQ(log.entries().size(), 2u);
  EXPECT_EQ(log.entries()[0].object, "a");
  EXPECT_EQ(log.entries()[0].count, 2);
  add("a", 120);
  EXPECT_EQ(log.entries()[0].count, 1);
  log.set_limit(2);
  EXPECT_EQ(log.entries().size(), 2u);
  EXPECT_EQ(log.entries()[1].count, 2);
  log.clear();
  EXPECT_TRUE(log.entries().empty());
}

}  // namespace
}  // namespace holdfast::access

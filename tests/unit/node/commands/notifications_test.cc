#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

// A client that hears of every channel, and what it has heard since it was last asked.
class Notifications : public testing::NodeTest {
 protected:
  Notifications() { run(listener, "PSUBSCRIBE *"); }

  void tell_of(uint32_t events) {
    config.notify_events = events;
    node.configure(config);
  }
  // "channel message" of each.
  Lines heard() {
    Lines lines;
    const std::string text = std::exchange(listener.reply().buffer(), {});
    const auto words = split(text, '\n');
    // *4, $8, pmessage, $1, *, $n, channel, $n, message
    for (size_t i = 0; i + 8 < words.size(); i += 9) {
      lines.push_back(fmt::format("{} {}", trim(words[i + 6]), trim(words[i + 8])));
    }
    return lines;
  }

  server::Session& listener = connect();
};

TEST_F(Notifications, NothingIsToldUnlessAskedFor) {
  run("SET a 1");
  EXPECT_EQ(heard(), Lines{});
  tell_of(kNotifyAll);  // classes without K or E name no channel
  run("SET a 1");
  EXPECT_EQ(heard(), Lines{});
  tell_of(kNotifyKeyspace | kNotifyList);
  run("SET a 1");
  EXPECT_EQ(heard(), Lines{});
}

TEST_F(Notifications, KeyspaceComesBeforeKeyevent) {
  tell_of(kNotifyKeyspace | kNotifyKeyevent | kNotifyString);
  run("SELECT 9");
  run("SET a 1");
  EXPECT_EQ(heard(), (Lines{"__keyspace@9__:a set", "__keyevent@9__:set a"}));
}

TEST_F(Notifications, StringCommandsNameThemselves) {
  tell_of(kNotifyKeyevent | kNotifyString | kNotifyGeneric);
  for (const char* line :
       {"SET s 5 EX 100", "GETEX s PERSIST", "APPEND s 1", "SETRANGE s 0 7", "INCR s", "DECRBY s 2",
        "INCRBYFLOAT s 1.5", "GETSET s 1", "SETBIT s 100 1", "BITFIELD s SET u8 0 9", "MSET a 1 b 2", "MSETNX c 3 d 4",
        "SETNX e 1", "BITOP AND f a b", "BITOP AND f nothing nowhere", "GETDEL e"}) {
    run(line);
  }
  const std::string at = "__keyevent@0__:";
  EXPECT_EQ(heard(),
            (Lines{at + "set s", at + "expire s", at + "persist s", at + "append s", at + "setrange s", at + "incrby s",
                   at + "incrby s", at + "incrbyfloat s", at + "set s", at + "setbit s", at + "setbit s", at + "set a",
                   at + "set b", at + "set c", at + "set d", at + "set e", at + "set f", at + "del f", at + "del e"}));
}

TEST_F(Notifications, WhatChangesNothingTellsNothing) {
  run("SET a 1");
  tell_of(kNotifyKeyevent | kNotifyAll);
  for (const char* line : {"SET a 2 NX", "SETNX a 2", "DEL nothing", "PERSIST a", "EXPIRE nothing 1", "MSETNX a 1 b 2",
                           "RENAMENX a a", "COPY nothing b", "SETRANGE a 0 \"\""}) {
    run(line);
  }
  EXPECT_EQ(heard(), Lines{});
}

TEST_F(Notifications, KeysComeAndGo) {
  tell_of(kNotifyKeyevent | kNotifyGeneric | kNotifyNew);
  const std::string at = "__keyevent@0__:";
  run("SET a 1");
  run("SET a 2");
  EXPECT_EQ(heard(), Lines{at + "new a"});
  run("EXPIRE a 100");
  run("PERSIST a");
  run("RENAME a b");
  EXPECT_EQ(heard(),
            (Lines{at + "expire a", at + "persist a", at + "new b", at + "rename_from a", at + "rename_to b"}));
  run("COPY b c DB 1");
  EXPECT_EQ(heard(), (Lines{"__keyevent@1__:new c", "__keyevent@1__:copy_to c"}));
  run("MOVE b 1");
  EXPECT_EQ(heard(), (Lines{"__keyevent@1__:new b", at + "move_from b", "__keyevent@1__:move_to b"}));
  run("SET a 1");
  run("EXPIRE a -1");
  EXPECT_EQ(heard(), (Lines{at + "new a", at + "del a"}));
}

TEST_F(Notifications, ExpiredKeysAndMissedOnesAreTold) {
  tell_of(kNotifyKeyevent | kNotifyExpired | kNotifyKeyMiss);
  run("SET a 1 PX 10");
  clock.advance(Millis(20));
  run("GET a");
  EXPECT_EQ(heard(), (Lines{"__keyevent@0__:expired a", "__keyevent@0__:keymiss a"}));
}

TEST_F(Notifications, LookingAtAKeysInsideMissesNothing) {
  tell_of(kNotifyKeyevent | kNotifyKeyMiss);
  run("OBJECT ENCODING a");
  run("OBJECT IDLETIME a");
  EXPECT_EQ(heard(), Lines{});
  run("TTL a");
  run("EXISTS a");
  EXPECT_EQ(heard(), (Lines{"__keyevent@0__:keymiss a", "__keyevent@0__:keymiss a"}));
}

TEST_F(Notifications, ACopyInPlaceOfAKeyIsNew) {
  run("SET a 1");
  run("SET b 2");
  tell_of(kNotifyKeyevent | kNotifyGeneric | kNotifyNew);
  run("COPY a b REPLACE");
  EXPECT_EQ(heard(), (Lines{"__keyevent@0__:new b", "__keyevent@0__:copy_to b"}));
}

}  // namespace
}  // namespace holdfast::node

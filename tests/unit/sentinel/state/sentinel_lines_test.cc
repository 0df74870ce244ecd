// The `sentinel ...` lines: read, written, and read again. Error texts are those of redis-sentinel 7.0.15.
#include "sentinel/state/sentinel_lines.h"

#include <gtest/gtest.h>

#include "common/base/text.h"

namespace holdfast::sentinel {
namespace {

LineWords words(std::string_view line) {
  LineWords all;
  for (const std::string_view word : split(line, ' ')) all.emplace_back(word);
  return all;
}

std::vector<LineWords> lines(std::initializer_list<std::string_view> texts) {
  std::vector<LineWords> all;
  for (const std::string_view text : texts) all.push_back(words(text));
  return all;
}

std::string error_of(std::string_view line) {
  const auto read = read_sentinel_lines(lines({"monitor m1 127.0.0.1 6379 2", line}));
  if (read) return "";
  EXPECT_EQ(read.error().line, 1u);
  return read.error().text;
}

const std::string kId(40, 'a');

TEST(SentinelLines, OrderIsFree) {
  const auto read = read_sentinel_lines(lines({"known-replica m1 127.0.0.1 6380", "auth-pass m1 123456",
                                               "down-after-milliseconds m1 5000", "monitor m1 127.0.0.1 6379 2",
                                               "myid aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "current-epoch 7",
                                               "config-epoch m1 6", "leader-epoch m1 7"}));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->primaries.size(), 1u);
  const PersistentPrimary& primary = read->primaries[0];
  EXPECT_EQ(primary.address, (Endpoint{"127.0.0.1", 6379}));
  EXPECT_EQ(primary.settings.quorum, 2u);
  EXPECT_EQ(primary.settings.down_after, Millis(5000));
  EXPECT_EQ(primary.settings.failover_timeout, Millis(180000));
  EXPECT_EQ(primary.settings.auth_pass, "123456");
  EXPECT_EQ(primary.config_epoch, Epoch{6});
  EXPECT_EQ(primary.leader_epoch, Epoch{7});
  EXPECT_EQ(primary.replicas.size(), 1u);
  EXPECT_EQ(read->current_epoch, Epoch{7});
  EXPECT_EQ(read->run_id.str(), kId);
}

TEST(SentinelLines, AFileOfValkeyIsRead) {
  const auto read = read_sentinel_lines(
      lines({"monitor m1 127.0.0.1 6379 2", "primary-reboot-down-after-period m1 700", "myid " + kId}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->primaries[0].settings.reboot_down_after, Millis(700));
}

TEST(SentinelLines, ErrorsAreTheReferences) {
  EXPECT_EQ(error_of("foo"), "Unrecognized sentinel configuration statement.");
  EXPECT_EQ(error_of("monitor a 127.0.0.1 1"), "Unrecognized sentinel configuration statement.");
  EXPECT_EQ(error_of("quorum m1 3"), "Unrecognized sentinel configuration statement.");
  EXPECT_EQ(error_of("announce-ip"), "Unrecognized sentinel configuration statement.");
  EXPECT_EQ(error_of("monitor a 127.0.0.1 1 0"), "Quorum must be 1 or greater.");
  EXPECT_EQ(error_of("monitor a 127.0.0.1 1 x"), "Quorum must be 1 or greater.");
  EXPECT_EQ(error_of("monitor a nohost.invalid 1 1"), "Can't resolve instance hostname.");
  EXPECT_EQ(error_of("monitor m1 127.0.0.1 1 1"), "Duplicate master name.");
  EXPECT_EQ(error_of("monitor b 127.0.0.1 99999 1"), "Invalid port number.");
  EXPECT_EQ(error_of("down-after-milliseconds nope 1"), "No such master with specified name.");
  EXPECT_EQ(error_of("down-after-milliseconds m1 0"), "negative or zero time parameter.");
  EXPECT_EQ(error_of("failover-timeout m1 x"), "negative or zero time parameter.");
  EXPECT_EQ(error_of("myid abc"), "Malformed Sentinel id in myid option.");
  EXPECT_EQ(error_of("deny-scripts-reconfig x"), "Please specify yes or no for the deny-scripts-reconfig options.");
  EXPECT_EQ(error_of("resolve-hostnames x"), "Please specify yes or no for the resolve-hostnames option.");
  EXPECT_EQ(error_of("known-replica m1 127.0.0.1"), "Unrecognized sentinel configuration statement.");
}

TEST(SentinelLines, MistakesThatTheReferenceSkipsAreErrors) {
  for (const char* line : {"config-epoch m1 x",
                           "leader-epoch m1 -1", "announce-port x", "parallel-syncs m1 0", "current-epoch 99999999999999999999",
                           "monitor a 127.0.0.1 0 1", "monitor a,b 127.0.0.1 1 1"}) {
    EXPECT_NE(error_of(line), "") << line;
  }
}

// redis-sentinel writes some of these, and starts with all of them.
TEST(SentinelLines, FoundNodesThatNobodyCanUseAreLeftOut) {
  const std::string sentinel = "known-sentinel m1 127.0.0.1 ";
  for (const std::string& line : {std::string("known-replica m1 127.0.0.1 0"), std::string("known-slave m1 127.0.0.1 x"),
                                  sentinel + "0 " + kId, sentinel + "x " + kId, sentinel + "5 abc",
                                  sentinel + "5 " + std::string(40, 'z'), sentinel + "5 " + std::string(40, '0')}) {
    std::vector<LineError> left_out;
    const auto read = read_sentinel_lines(
        lines({line, "monitor m1 127.0.0.1 6379 2", "known-replica m1 127.0.0.1 6380"}), &left_out);
    ASSERT_TRUE(read) << line;
    ASSERT_EQ(left_out.size(), 1u) << line;
    EXPECT_EQ(left_out[0].line, 0u);
    EXPECT_EQ(read->primaries[0].replicas, std::vector<Endpoint>({{"127.0.0.1", 6380}})) << line;
    EXPECT_TRUE(read->primaries[0].sentinels.empty()) << line;
  }
  for (const std::string& line :
       {std::string("known-replica m1 127.0.0.1 70000"), std::string("known-replica m1 127.0.0.1 -1"),
        std::string("known-replica nope 127.0.0.1 0"), std::string("known-replica m1 127.0.0.1 0 x"),
        sentinel + "70000 " + kId, sentinel + "0 " + kId + " x"}) {
    EXPECT_NE(error_of(line), "") << line;
  }
}

TEST(SentinelLines, OldNamesAndFormsAreRead) {
  const auto read = read_sentinel_lines(lines({"monitor m1 127.0.0.1 6379 2", "known-slave m1 127.0.0.1 6380",
                                               "known-sentinel m1 127.0.0.1 26380", "MONITOR m2 ::1 6379 1"}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->primaries[0].replicas.size(), 1u);
  EXPECT_TRUE(read->primaries[0].sentinels.empty());
  EXPECT_EQ(read->primaries[1].address.host, "::1");
}

TEST(SentinelLines, FastDownIsWrittenOnlyWhereItIsSet) {
  PersistentState state;
  state.primaries = {{.name = "m", .address = {"10.0.0.1", 6379}}};
  const auto written = [&] {
    std::string text;
    for (const StateLine& line : write_sentinel_lines(state)) text += line.words[0] + ' ' + line.words.back() + '\n';
    return text.find("fast-down yes") != std::string::npos;
  };
  EXPECT_FALSE(written());
  state.primaries[0].settings.fast_down = true;
  EXPECT_TRUE(written());
  EXPECT_TRUE(
      read_sentinel_lines(lines({"monitor m 127.0.0.1 1 1", "fast-down m yes"}))->primaries[0].settings.fast_down);
  EXPECT_EQ(error_of("fast-down m1 perhaps"), "Please specify yes or no for the fast-down option.");
}

TEST(SentinelLines, WhatIsWrittenIsRead) {
  PersistentState state{.run_id = *RunId::parse(kId), .current_epoch = Epoch{12}};
  state.globals = {.announce_ip = "203.0.113.1",
                   .announce_port = 26000,
                   .deny_scripts_reconfig = false,
                   .sentinel_user = "watcher",
                   .sentinel_pass = "two words"};
  PersistentPrimary primary{.name = "a b", .address = {"10.0.0.1", 6379}};
  primary.settings = {.quorum = 3, .down_after = Millis(1), .failover_timeout = Millis(2), .parallel_syncs = 4,
                      .notification_script = "/opt/notify me", .client_reconfig_script = "/opt/reconfig",
                      .auth_user = "u", .auth_pass = "\"quoted\" \x01\n", .reboot_down_after = Millis(9)};
  primary.settings.renames = std::make_shared<const Renames>(Renames{{"CONFIG", ""}, {"SLAVEOF", "x y"}});
  primary.config_epoch = Epoch{11};
  primary.leader_epoch = Epoch{12};
  primary.replicas = {{"10.0.0.2", 1}, {"10.0.0.3", 2}};
  primary.sentinels = {{{"10.0.1.1", 3}, *RunId::parse(std::string(40, 'b'))}};
  state.primaries = {primary};

  std::vector<LineWords> written;
  for (const StateLine& line : write_sentinel_lines(state)) written.push_back(line.words);
  const auto read = read_sentinel_lines(written);
  ASSERT_TRUE(read) << read.error().text;
  std::vector<LineWords> again;
  for (const StateLine& line : write_sentinel_lines(*read)) again.push_back(line.words);
  EXPECT_EQ(again, written);
  EXPECT_EQ(read->globals, state.globals);
  EXPECT_EQ(read->primaries[0].settings.auth_pass, primary.settings.auth_pass);
  EXPECT_EQ(*read->primaries[0].settings.renames, *primary.settings.renames);
  EXPECT_EQ(read->primaries[0].sentinels, primary.sentinels);
  EXPECT_EQ(read->primaries[0].leader_epoch, Epoch{12});
}

}  // namespace
}  // namespace holdfast::sentinel

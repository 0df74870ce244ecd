// Replies of the sentinel's commands, byte by byte where clients parse them. Expected texts: redis-sentinel 7.0.15.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "common/base/split_args.h"
#include "common/server/server.h"
#include "sentinel/commands/dispatch.h"
#include "sentinel/commands/info.h"

namespace holdfast::sentinel {
namespace {

constexpr std::string_view kPeer = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

// A process whose saves can be made to fail.
class FakeHost final : public Host {
 public:
  explicit FakeHost(const Clock& clock) : clock_(clock), core_(options(), clock.now()) {
    facts_.started = clock.now();
    facts_.port = 26379;
    (void)perform(core_.start(clock.now()));
  }

  Sentinel& core() override { return core_; }
  Result<> perform(Actions actions) override {
    Result<> saved;
    if (actions.persist_first != nullptr) {
      ++saves;
      if (fail_saves) {
        saved = fail("No space left on device");
        (void)core_.persist_failed(clock_.now());
      }
    }
    for (Notice& notice : actions.notices) notices.push_back(std::move(notice));
    return saved;
  }
  bool catching_up() const override { return behind; }
  const ProcessFacts& facts() const override { return facts_; }
  const CachedInfo* cached_info(const Endpoint& address) const override {
    const auto found = cache.find(address);
    return found == cache.end() ? nullptr : &found->second;
  }
  const ScriptQueue& scripts() const override { return queue; }
  std::vector<FailoverRecord> failover_history(std::string_view) const override { return history; }
  unsigned simulated_failures() const override { return flags; }
  void simulate_failures(unsigned wanted) override { flags = wanted; }
  void request_shutdown(std::string_view) override { stopped = true; }

  ScriptQueue queue;
  std::vector<FailoverRecord> history;
  std::map<Endpoint, CachedInfo> cache;
  std::vector<Notice> notices;
  unsigned flags = 0;
  int saves = 0;
  bool fail_saves = false;
  bool behind = false;
  bool stopped = false;

 private:
  static Sentinel::Options options() {
    Sentinel::Options options;
    options.seed = 7;
    PersistentPrimary primary;
    primary.name = "mymaster";
    primary.address = {"127.0.0.1", 6379};
    primary.settings.quorum = 2;
    primary.replicas = {{"127.0.0.1", 6380}};
    primary.sentinels = {{{"127.0.0.1", 26380}, *RunId::parse(kPeer)}};
    options.state.primaries.push_back(std::move(primary));
    return options;
  }

  const Clock& clock_;
  Sentinel core_;
  ProcessFacts facts_;
};

class CommandsTest : public testing::Test {
 protected:
  CommandsTest() : host_(clock_), dispatcher_(host_), server_(io_, clock_, dispatcher_), session_(1) {
    dispatcher_.attach(server_);
  }

  std::string run(std::string_view line) {
    const auto words = split_args(line).value();
    const std::vector<std::string_view> args(words.begin(), words.end());
    std::string& output = session_.reply().buffer();
    output.clear();
    EXPECT_EQ(dispatcher_.handle(session_, args), server::Outcome::done);
    return output;
  }

  boost::asio::io_context io_{net::kOneThread};
  ManualClock clock_;
  FakeHost host_;
  Dispatcher dispatcher_;
  server::Server server_;
  server::Session session_;
};

TEST_F(CommandsTest, RefusesWhatASentinelDoesNotServe) {
  EXPECT_EQ(run("GET a"), "-ERR unknown command 'GET', with args beginning with: 'a' \r\n");
  EXPECT_EQ(run("ECHO a"), "-ERR unknown command 'ECHO', with args beginning with: 'a' \r\n");
  EXPECT_EQ(run("SENTINEL"), "-ERR wrong number of arguments for 'sentinel' command\r\n");
  EXPECT_EQ(run("SENTINEL foo"), "-ERR unknown subcommand 'foo'. Try SENTINEL HELP.\r\n");
  EXPECT_EQ(run("sentinel masters x"), "-ERR wrong number of arguments for 'sentinel|masters' command\r\n");
  EXPECT_EQ(dispatcher_.stats().error_replies, 5u);
  EXPECT_EQ(dispatcher_.stats().commands, 0u);
}

TEST_F(CommandsTest, AnswersRenamedCommandsUnderTheirNewNameOnly) {
  EXPECT_TRUE(dispatcher_.rename("ROLE", "WHOAMI"));
  EXPECT_TRUE(dispatcher_.rename("INFO", ""));
  EXPECT_FALSE(dispatcher_.rename("NOPE", "X"));
  EXPECT_EQ(run("WHOAMI"), "*2\r\n$8\r\nsentinel\r\n*1\r\n$8\r\nmymaster\r\n");
  EXPECT_TRUE(run("ROLE").starts_with("-ERR unknown command 'ROLE'"));
  EXPECT_TRUE(run("INFO").starts_with("-ERR unknown command 'INFO'"));
}

// After a start: what speaks of primaries waits, unless a sentinel asks.
TEST_F(CommandsTest, HoldsClientsWhileItCatchesUp) {
  const auto outcome = [&](std::initializer_list<std::string_view> words) {
    const std::vector<std::string_view> args(words);
    session_.suspended = false;
    return dispatcher_.handle(session_, args);
  };
  host_.behind = true;
  for (const char* command : {"get-master-addr-by-name", "master", "replicas"}) {
    EXPECT_EQ(outcome({"sentinel", command, "mymaster"}), server::Outcome::retry_later) << command;
  }
  EXPECT_EQ(outcome({"SENTINEL", "MASTERS"}), server::Outcome::retry_later);
  EXPECT_EQ(outcome({"INFO"}), server::Outcome::retry_later);
  EXPECT_EQ(session_.reply().buffer(), "");
  EXPECT_EQ(outcome({"PING"}), server::Outcome::done);
  EXPECT_EQ(outcome({"SENTINEL", "MYID"}), server::Outcome::done);
  EXPECT_EQ(outcome({"SENTINEL", "NOPE"}), server::Outcome::done);
  session_.name = "sentinel-0123abcd-cmd";
  EXPECT_EQ(outcome({"SENTINEL", "MASTER", "mymaster"}), server::Outcome::done);
  session_.name.clear();
  host_.behind = false;
  EXPECT_EQ(outcome({"SENTINEL", "MASTERS"}), server::Outcome::done);
}

TEST_F(CommandsTest, AsksForThePasswordAfterArity) {
  server_.users.set_default_password("secret");
  session_.authenticated = false;
  EXPECT_EQ(run("NOPE"), "-ERR unknown command 'NOPE', with args beginning with: \r\n");
  EXPECT_EQ(run("SENTINEL MASTER"), "-ERR wrong number of arguments for 'sentinel|master' command\r\n");
  EXPECT_EQ(run("PING"), "-NOAUTH Authentication required.\r\n");
  EXPECT_EQ(run("AUTH wrong"), "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  EXPECT_EQ(run("AUTH secret"), "+OK\r\n");
  EXPECT_EQ(run("PING"), "+PONG\r\n");
}

TEST_F(CommandsTest, RefusesWhatTheUserMayNotBeforeWhatASubscriberMayNot) {
  EXPECT_EQ(run("ACL SETUSER few on >x +ping +psubscribe +sentinel|masters +publish &a*"), "+OK\r\n");
  EXPECT_EQ(run("ACL SETUSER few +get"),
            "-ERR Error in ACL SETUSER modifier '+get': Unknown command or category name in ACL\r\n");
  EXPECT_EQ(run("AUTH few x"), "+OK\r\n");
  EXPECT_EQ(run("PING"), "+PONG\r\n");
  EXPECT_TRUE(run("SENTINEL MASTERS").starts_with("*1\r\n"));
  const std::string no_masters = "-NOPERM this user has no permissions to run the 'sentinel|master' command\r\n";
  EXPECT_EQ(run("SENTINEL MASTER mymaster"), no_masters);
  EXPECT_EQ(run("PUBLISH __sentinel__:hello x"),
            "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n");
  run("PSUBSCRIBE a*");
  EXPECT_EQ(run("SENTINEL MASTER mymaster"), no_masters);
  ASSERT_EQ(server_.denials.entries().size(), 2u);
  EXPECT_EQ(server_.denials.entries()[0].object, "sentinel|master");
  EXPECT_EQ(server_.denials.entries()[0].count, 2);
  EXPECT_EQ(server_.denials.entries()[1].object, "__sentinel__:hello");
}

TEST_F(CommandsTest, RestrictsSubscribersInResp2Only) {
  run("SUBSCRIBE +switch-master");
  EXPECT_EQ(
      run("SENTINEL MASTERS"),
      "-ERR Can't execute 'sentinel|masters': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
      "in this context\r\n");
  EXPECT_EQ(run("PING"), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  session_.set_protocol(3);
  EXPECT_EQ(run("SENTINEL GET-MASTER-ADDR-BY-NAME mymaster"), "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n");
}

TEST_F(CommandsTest, ListsFieldsInTheReferencesOrder) {
  const std::string reply = run("SENTINEL MASTER mymaster");
  EXPECT_TRUE(reply.starts_with("*40\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n")) << reply;
  size_t at = 0;
  for (const char* field : {"name",
                            "ip",
                            "port",
                            "runid",
                            "flags",
                            "link-pending-commands",
                            "link-refcount",
                            "last-ping-sent",
                            "last-ok-ping-reply",
                            "last-ping-reply",
                            "down-after-milliseconds",
                            "info-refresh",
                            "role-reported",
                            "role-reported-time",
                            "config-epoch",
                            "num-slaves",
                            "num-other-sentinels",
                            "quorum",
                            "failover-timeout",
                            "parallel-syncs"}) {
    const size_t found = reply.find(fmt::format("\r\n{}\r\n", field), at);
    ASSERT_NE(found, std::string::npos) << field;
    at = found;
  }
  EXPECT_EQ(run("SENTINEL MASTER nope"), "-ERR No such master with that name\r\n");
}

TEST_F(CommandsTest, AnswersMapsInResp3) {
  session_.set_protocol(3);
  EXPECT_TRUE(run("SENTINEL MASTERS").starts_with("*1\r\n%20\r\n"));
  EXPECT_TRUE(run("SENTINEL REPLICAS mymaster").starts_with("*1\r\n%21\r\n"));
  EXPECT_TRUE(run("SENTINEL SENTINELS mymaster").starts_with("*1\r\n%14\r\n"));
  EXPECT_TRUE(run("SENTINEL DEBUG").starts_with("%13\r\n$11\r\nINFO-PERIOD\r\n$5\r\n10000\r\n"));
}

TEST_F(CommandsTest, KnowsTheNewerNames) {
  EXPECT_EQ(run("SENTINEL GET-PRIMARY-ADDR-BY-NAME mymaster"), run("SENTINEL GET-MASTER-ADDR-BY-NAME mymaster"));
  EXPECT_EQ(run("SENTINEL PRIMARY mymaster"), run("SENTINEL MASTER mymaster"));
  EXPECT_EQ(run("SENTINEL PRIMARIES"), run("SENTINEL MASTERS"));
  EXPECT_EQ(run("SENTINEL SLAVES mymaster"), run("SENTINEL REPLICAS mymaster"));
}

TEST_F(CommandsTest, AnswersANullArrayForAnUnknownAddress) {
  EXPECT_EQ(run("SENTINEL GET-MASTER-ADDR-BY-NAME nope"), "*-1\r\n");
}

TEST_F(CommandsTest, SavesAVoteBeforeItAnswersIt) {
  const int before = host_.saves;
  const std::string ask = fmt::format("SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 6379 5 {}", kPeer);
  EXPECT_EQ(run(ask), fmt::format("*3\r\n:0\r\n$40\r\n{}\r\n:5\r\n", kPeer));
  EXPECT_GT(host_.saves, before);
}

TEST_F(CommandsTest, AnswersNoVoteThatCouldNotBeSaved) {
  host_.fail_saves = true;
  EXPECT_EQ(run(fmt::format("SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 6379 5 {}", kPeer)),
            "*3\r\n:0\r\n$1\r\n*\r\n:0\r\n");
}

TEST_F(CommandsTest, RefusesQuestionsThatAreNoNumbers) {
  EXPECT_EQ(run("SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 x 0 *"), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(run("SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 y *"), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(run("SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 99999 0 *"), "*3\r\n:0\r\n$1\r\n*\r\n:0\r\n");
  EXPECT_EQ(run("SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 6379 -4 *"), "*3\r\n:0\r\n$1\r\n*\r\n:0\r\n");
}

TEST_F(CommandsTest, TakesHellosOnly) {
  EXPECT_EQ(run("PUBLISH news x"), "-ERR Only HELLO messages are accepted by Sentinel instances.\r\n");
  EXPECT_EQ(run("PUBLISH __sentinel__:hello nonsense"), ":1\r\n");
  run("PUBLISH __sentinel__:hello "
      "127.0.0.1,26381,bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb,3,mymaster,127.0.0.1,6379,0");
  EXPECT_EQ(host_.core().sentinel_fields("mymaster", clock_.now())->size(), 2u);
  EXPECT_EQ(host_.core().current_epoch().value, 3u);
}

TEST_F(CommandsTest, ChecksTheArgumentsOfMonitor) {
  EXPECT_EQ(run("SENTINEL MONITOR x 127.0.0.1 6379 y"), "-ERR Invalid quorum\r\n");
  EXPECT_EQ(run("SENTINEL MONITOR x 127.0.0.1 z 1"), "-ERR Invalid port\r\n");
  EXPECT_EQ(run("SENTINEL MONITOR x 127.0.0.1 6379 0"), "-ERR Quorum must be 1 or greater.\r\n");
  EXPECT_EQ(run("SENTINEL MONITOR x nohost 6379 1"), "-ERR Invalid IP address or hostname specified\r\n");
  EXPECT_EQ(run("SENTINEL MONITOR mymaster 127.0.0.1 6379 1"), "-ERR Duplicate master name.\r\n");
  EXPECT_EQ(run("SENTINEL MONITOR x 127.0.0.1 70000 1"), "-ERR Invalid port number.\r\n");
  EXPECT_EQ(run("SENTINEL MONITOR x 127.0.0.1 7000 1"), "+OK\r\n");
  EXPECT_EQ(run("ROLE"), "*2\r\n$8\r\nsentinel\r\n*2\r\n$8\r\nmymaster\r\n$1\r\nx\r\n");
  EXPECT_EQ(run("SENTINEL REMOVE x"), "+OK\r\n");
  EXPECT_EQ(run("SENTINEL REMOVE x"), "-ERR No such master with that name\r\n");
}

TEST_F(CommandsTest, SetsOptionsAndReportsThem) {
  host_.notices.clear();
  EXPECT_EQ(run("SENTINEL SET mymaster quorum 3 auth-pass \"a b\""), "+OK\r\n");
  ASSERT_EQ(host_.notices.size(), 2u);
  EXPECT_EQ(host_.notices[0].log_line(), "+set master mymaster 127.0.0.1 6379 quorum 3");
  EXPECT_EQ(host_.notices[1].log_line(), "+set master mymaster 127.0.0.1 6379 auth-pass ******");
  EXPECT_EQ(run("SENTINEL SET mymaster quorum 0"), "-ERR Invalid argument '0' for SENTINEL SET 'quorum'\r\n");
  EXPECT_EQ(run("SENTINEL SET mymaster foo 1"),
            "-ERR Unknown option or number of arguments for SENTINEL SET 'foo'\r\n");
  EXPECT_TRUE(run("SENTINEL SET mymaster notification-script /bin/true")
                  .starts_with("-ERR Reconfiguration of scripts path is denied for security reasons."));
}

TEST_F(CommandsTest, ReportsAFailedSaveInPlaceOfOk) {
  host_.fail_saves = true;
  const std::string failed = "-ERR Failed to save config file. Check server logs.\r\n";
  EXPECT_EQ(run("SENTINEL FLUSHCONFIG"), failed);
  EXPECT_EQ(run("SENTINEL SET mymaster quorum 1"), failed);
  EXPECT_EQ(run("SENTINEL CONFIG SET announce-port 7"), failed);
}

TEST_F(CommandsTest, SetsGlobalsAllOrNothing) {
  EXPECT_EQ(run("SENTINEL CONFIG SET announce-ip 10.0.0.1 announce-port 70000"),
            "-ERR Invalid value '70000' to SENTINEL CONFIG SET 'announce-port'\r\n");
  EXPECT_EQ(host_.core().globals().announce_ip, "");
  EXPECT_EQ(run("SENTINEL CONFIG SET announce-ip 10.0.0.1 announce-port 7000"), "+OK\r\n");
  EXPECT_EQ(run("SENTINEL CONFIG GET announce-*"),
            "*6\r\n$18\r\nannounce-hostnames\r\n$2\r\nno\r\n$11\r\nannounce-ip\r\n$8\r\n10.0.0.1\r\n"
            "$13\r\nannounce-port\r\n$4\r\n7000\r\n");
  EXPECT_EQ(run("SENTINEL CONFIG SET nope x"), "-ERR Invalid argument 'nope' to SENTINEL CONFIG SET\r\n");
  EXPECT_EQ(run("SENTINEL CONFIG SET announce-ip a,b"),
            "-ERR Invalid value 'a,b' to SENTINEL CONFIG SET 'announce-ip'\r\n");
  EXPECT_EQ(run("SENTINEL CONFIG"), "-ERR wrong number of arguments for 'sentinel|config' command\r\n");
  EXPECT_EQ(run("SENTINEL CONFIG GET"),
            "-ERR Only SENTINEL CONFIG GET <option> / SET <option> <value> are supported.\r\n");
}

TEST_F(CommandsTest, ChangesPeriods) {
  EXPECT_EQ(run("SENTINEL DEBUG ping-period 500 info-period 2000"), "+OK\r\n");
  EXPECT_EQ(host_.core().timings().ping_period, Millis(500));
  EXPECT_EQ(run("SENTINEL DEBUG ping-period 0"), "-ERR Invalid argument '0' for SENTINEL DEBUG 'ping-period'\r\n");
  EXPECT_EQ(run("SENTINEL DEBUG ping-period"),
            "-ERR Unknown option or number of arguments for SENTINEL DEBUG 'ping-period'\r\n");
  EXPECT_EQ(host_.core().timings().ping_period, Millis(500));
}

TEST_F(CommandsTest, CountsWhatResetMatched) {
  EXPECT_EQ(run("SENTINEL RESET nope*"), ":0\r\n");
  EXPECT_EQ(run("SENTINEL RESET my*"), ":1\r\n");
  EXPECT_EQ(run("SENTINEL SENTINELS mymaster"), "*0\r\n");
}

TEST_F(CommandsTest, TellsWhyAFailoverCannotBe) {
  EXPECT_EQ(run("SENTINEL FAILOVER mymaster"), "-NOGOODSLAVE No suitable replica to promote\r\n");
  EXPECT_EQ(run("SENTINEL FAILOVER nope"), "-ERR No such master with that name\r\n");
  EXPECT_EQ(run("SENTINEL FAILOVER nope TO 10.0.0.9 6379 COORDINATED"), "-ERR No such master with that name\r\n");
  EXPECT_EQ(run("SENTINEL FAILOVER mymaster TO 10.0.0.9 6379"), "-ERR No such replica with that address\r\n");
  EXPECT_EQ(run("SENTINEL FAILOVER mymaster TO 10.0.0.9 x"), "-ERR Invalid port\r\n");
  for (const char* words : {"NOW", "TO", "TO 10.0.0.9", "COORDINATED COORDINATED"}) {
    EXPECT_EQ(run(std::string("SENTINEL FAILOVER mymaster ") + words), "-ERR syntax error\r\n");
  }
}

TEST_F(CommandsTest, ChecksTheQuorum) {
  EXPECT_EQ(run("SENTINEL CKQUORUM mymaster"),
            "+OK 2 usable Sentinels. Quorum and failover authorization can be reached\r\n");
  run("SENTINEL SET mymaster quorum 3");
  EXPECT_EQ(
      run("SENTINEL CKQUORUM mymaster"),
      "-NOQUORUM 2 usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master\r\n");
}

TEST_F(CommandsTest, ShowsCachedInfoOfAllNodes) {
  host_.cache[{"127.0.0.1", 6380}] = {"# Server\r\n", clock_.now()};
  clock_.advance(Millis(250));
  server_.refresh_now();
  EXPECT_EQ(run("SENTINEL INFO-CACHE nope mymaster"),
            "*2\r\n$8\r\nmymaster\r\n*2\r\n*2\r\n:0\r\n$-1\r\n*2\r\n:250\r\n$10\r\n# Server\r\n\r\n");
}

TEST_F(CommandsTest, ShowsTheLastFailovers) {
  EXPECT_EQ(run("SENTINEL FAILOVER-HISTORY nope"), "-ERR No such master with that name\r\n");
  EXPECT_EQ(run("SENTINEL FAILOVER-HISTORY mymaster"), "*0\r\n");
  FailoverRecord record;
  record.primary = "mymaster";
  record.epoch = Epoch{7};
  record.trigger = "crash";
  record.result = "success";
  record.from = {"127.0.0.1", 6379};
  record.to = Endpoint{"127.0.0.1", 6380};
  record.duration = Millis(23);
  record.phases = {{"sdown", Millis(-2)}, {"wait_start", Nanos(0)}};
  record.candidates = {{{"127.0.0.1", 6380}, "", 100, 5, "chosen"}};
  host_.history = {record};
  session_.set_protocol(3);
  const std::string reply = run("SENTINEL FAILOVER-HISTORY mymaster");
  EXPECT_TRUE(reply.starts_with("*1\r\n%15\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$5\r\nepoch\r\n$1\r\n7\r\n")) << reply;
  EXPECT_NE(reply.find("$11\r\nduration-ms\r\n$6\r\n23.000\r\n"), std::string::npos) << reply;
  EXPECT_NE(reply.find("$6\r\nphases\r\n%2\r\n$5\r\nsdown\r\n$6\r\n-2.000\r\n"), std::string::npos) << reply;
  EXPECT_TRUE(reply.ends_with("$7\r\nverdict\r\n$6\r\nchosen\r\n")) << reply;
}

TEST_F(CommandsTest, SimulatesFailuresWhenAsked) {
  EXPECT_EQ(run("SENTINEL SIMULATE-FAILURE crash-after-election crash-after-promotion"), "+OK\r\n");
  EXPECT_EQ(host_.flags, unsigned{kCrashAfterElection | kCrashAfterPromotion});
  EXPECT_EQ(run("SENTINEL SIMULATE-FAILURE foo"), "-ERR Unknown failure simulation specified\r\n");
  EXPECT_EQ(run("SENTINEL SIMULATE-FAILURE help"),
            "*2\r\n$20\r\ncrash-after-election\r\n$21\r\ncrash-after-promotion\r\n");
}

TEST_F(CommandsTest, ShutsDownOnWellFormedOrdersOnly) {
  EXPECT_EQ(run("SHUTDOWN FOO"), "-ERR syntax error\r\n");
  EXPECT_EQ(run("SHUTDOWN SAVE NOSAVE"), "-ERR syntax error\r\n");
  EXPECT_EQ(run("SHUTDOWN ABORT"), "-ERR No shutdown in progress.\r\n");
  EXPECT_FALSE(host_.stopped);
  EXPECT_EQ(run("SHUTDOWN NOSAVE NOW FORCE"), "");
  EXPECT_TRUE(host_.stopped);
  EXPECT_TRUE(session_.closing);
}

TEST_F(CommandsTest, WritesTheSectionsOfInfoThatWereAskedFor) {
  EXPECT_EQ(info_text(server_, dispatcher_.stats(), host_, std::array<std::string_view, 2>{"SENTINEL", "nope"}),
            "# Sentinel\r\nsentinel_masters:1\r\nsentinel_tilt:0\r\nsentinel_tilt_since_seconds:-1\r\n"
            "sentinel_running_scripts:0\r\nsentinel_scripts_queue_length:0\r\nsentinel_simulate_failure_flags:0\r\n"
            "master0:name=mymaster,status=ok,address=127.0.0.1:6379,slaves=1,sentinels=2\r\n");
  const std::string all = info_text(server_, dispatcher_.stats(), host_, {});
  for (const char* section : {"# Server\r\n", "# Clients\r\n", "# Stats\r\n", "# CPU\r\n", "# Sentinel\r\n"}) {
    EXPECT_NE(all.find(section), std::string::npos) << section;
  }
  EXPECT_NE(all.find("redis_mode:sentinel\r\n"), std::string::npos);
  EXPECT_NE(all.find("hz:10\r\nconfigured_hz:10\r\n"), std::string::npos);
}

TEST_F(CommandsTest, IntroducesItselfAsASentinelWithoutARole) {
  const std::string hello = run("HELLO 3");
  EXPECT_TRUE(hello.starts_with("%6\r\n")) << hello;
  EXPECT_NE(hello.find("$4\r\nmode\r\n$8\r\nsentinel\r\n"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::sentinel

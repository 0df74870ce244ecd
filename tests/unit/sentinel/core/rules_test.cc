// The pure rules: quorum, votes, failure detection, choice of a replica, INFO, events, commands.
#include <gtest/gtest.h>

#include "sentinel/core/actions.h"
#include "sentinel/core/election.h"
#include "sentinel/core/event.h"
#include "sentinel/core/failure_detector.h"
#include "sentinel/core/info_parser.h"
#include "sentinel/core/quorum.h"
#include "sentinel/core/replica_selection.h"

namespace holdfast::sentinel {
namespace {

using namespace std::chrono_literals;

const Instant kNow{std::chrono::hours(5)};

RunId id(char digit) { return *RunId::parse(std::string(40, digit)); }

TEST(Quorum, MajorityIsMoreThanHalfOfAllKnown) {
  EXPECT_EQ(majority_of(1), 1u);
  EXPECT_EQ(majority_of(2), 2u);
  EXPECT_EQ(majority_of(3), 2u);
  EXPECT_EQ(majority_of(4), 3u);
  EXPECT_EQ(majority_of(5), 3u);
}

TEST(Quorum, ALeaderNeedsTheMajorityAndTheQuorum) {
  EXPECT_EQ(votes_needed(3, 1), 2u);
  EXPECT_EQ(votes_needed(3, 3), 3u);
  EXPECT_EQ(votes_needed(5, 2), 3u);
}

TEST(Quorum, CheckSpeaksAsTheReference) {
  EXPECT_EQ(*check_quorum(3, 3, 2), "OK 3 usable Sentinels. Quorum and failover authorization can be reached");
  EXPECT_EQ(check_quorum(3, 1, 1).error().text,
            "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the majority and authorize a failover");
  EXPECT_EQ(check_quorum(1, 1, 2).error().text,
            "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master");
  EXPECT_EQ(check_quorum(5, 1, 2).error().text,
            "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master. "
            "Not enough available Sentinels to reach the majority and authorize a failover");
}

TEST(Election, GrantsOneVotePerEpoch) {
  const Vote mine{id('a'), Epoch{5}};
  EXPECT_FALSE(may_grant(mine, Epoch{1}, Epoch{5}, {}));
  EXPECT_FALSE(may_grant(mine, Epoch{1}, Epoch{4}, {}));
  EXPECT_TRUE(may_grant(mine, Epoch{1}, Epoch{6}, {}));
}

TEST(Election, DoesNotGrantAnEpochThatAConfigurationHasUsed) {
  EXPECT_FALSE(may_grant(Vote{}, Epoch{7}, Epoch{7}, {}));
  EXPECT_TRUE(may_grant(Vote{}, Epoch{7}, Epoch{8}, {}));
}

TEST(Election, AVoteWithAForgottenLeaderCountsAsGiven) {
  EXPECT_FALSE(may_grant(Vote{std::nullopt, Epoch{5}}, Epoch{0}, Epoch{5}, {}));
}

TEST(Election, CountsOnlyVotesOfItsOwnEpoch) {
  const RunId me = id('1');
  const std::vector<PeerBallot> peers{{id('2'), {me, Epoch{4}}, Epoch{4}}, {id('3'), {std::nullopt, Epoch{0}}, Epoch{0}}};
  EXPECT_FALSE(count_votes(me, Epoch{5}, peers, 2, {}).won);
  EXPECT_TRUE(count_votes(me, Epoch{4}, peers, 2, {}).won);
}

TEST(Election, NeedsTheQuorumWhereItIsAboveTheMajority) {
  const RunId me = id('1');
  const std::vector<PeerBallot> peers{{id('2'), {me, Epoch{4}}, Epoch{4}}, {id('3'), {}, Epoch{0}}};
  EXPECT_TRUE(count_votes(me, Epoch{4}, peers, 2, {}).won);
  EXPECT_FALSE(count_votes(me, Epoch{4}, peers, 3, {}).won);
}

TEST(Election, KnowsWhenItCanNoLongerBeWon) {
  const RunId me = id('1');
  const RunId other = id('2');
  std::vector<PeerBallot> peers{{other, {other, Epoch{4}}, Epoch{4}}, {id('3'), {}, Epoch{0}}};
  EXPECT_FALSE(count_votes(me, Epoch{4}, peers, 2, {}).lost);
  peers[1] = {id('3'), {other, Epoch{4}}, Epoch{4}};
  const Tally tally = count_votes(me, Epoch{4}, peers, 2, {});
  EXPECT_TRUE(tally.lost);
  EXPECT_EQ(tally.best_other, 2u);
}

TEST(Election, DoesNotWaitForThoseWhoAreGone) {
  const RunId me = id('1');
  const RunId other = id('2');
  // It and another one stand, each with its own vote; the third is gone. Two of three can win the next one.
  const PeerBallot rival{other, {other, Epoch{4}}, Epoch{4}};
  const PeerBallot gone{id('3'), {}, Epoch{0}, false};
  EXPECT_TRUE(count_votes(me, Epoch{4}, std::vector{rival, gone}, 2, {}).lost);
  // Nobody could win without the one that is gone: a new election would be no better than this one.
  EXPECT_FALSE(count_votes(me, Epoch{4}, std::vector{gone, gone}, 2, {}).lost);
  // Nor could it if the others do not vote at all: they could not save their votes, say.
  const PeerBallot refuses{other, {}, Epoch{4}};
  EXPECT_FALSE(count_votes(me, Epoch{4}, std::vector{refuses, gone}, 2, {}).lost);
  // What it voted before it went counts.
  const PeerBallot voted{id('3'), {me, Epoch{4}}, Epoch{4}, false};
  EXPECT_TRUE(count_votes(me, Epoch{4}, std::vector{rival, voted}, 2, {}).won);
}

TEST(Election, AnAnswerWithoutAVoteIsARefusal) {
  const RunId me = id('1');
  const std::vector<PeerBallot> peers{{id('2'), {}, Epoch{4}}, {id('3'), {}, Epoch{4}}};
  EXPECT_TRUE(count_votes(me, Epoch{4}, peers, 2, {}).lost);
}

TEST(Election, CandidatesAgreeOnTheirOrder) {
  const std::vector<RunId> all{id('1'), id('2'), id('3'), id('4'), id('5')};
  for (uint64_t epoch = 1; epoch < 20; ++epoch) {
    std::set<size_t> ranks;
    for (const RunId& me : all) {
      std::vector<RunId> others;
      for (const RunId& other : all) {
        if (other != me) others.push_back(other);
      }
      ranks.insert(candidate_rank(me, others, "mymaster", Epoch{epoch}));
    }
    EXPECT_EQ(ranks.size(), all.size());
  }
}

TEST(FailureDetector, AcceptsWhatALivingProcessAnswers) {
  EXPECT_TRUE(acceptable_ping_reply(Reply::status("PONG")));
  EXPECT_TRUE(acceptable_ping_reply(Reply::error("LOADING Redis is loading the dataset in memory")));
  EXPECT_TRUE(acceptable_ping_reply(Reply::error("MASTERDOWN Link with MASTER is down")));
  EXPECT_FALSE(acceptable_ping_reply(Reply::error("NOAUTH Authentication required.")));
  EXPECT_FALSE(acceptable_ping_reply(Reply::error("BUSY Redis is busy running a script")));
  EXPECT_FALSE(acceptable_ping_reply(Reply::bulk("PONG")));
}

TEST(FailureDetector, CountsFromTheLastGoodReply) {
  EXPECT_EQ(down_from({.last_ok = kNow, .down_after = 1000ms}), kNow + 1000ms);
}

TEST(FailureDetector, APrimaryThatSaysReplicaIsDownAfterAGrace) {
  const Instant from = down_from({.last_ok = kNow, .down_after = 30000ms, .reports_replica_since = kNow - 30000ms});
  EXPECT_EQ(from, kNow + kWrongRoleGrace);
}

TEST(FailureDetector, ARebootCountsOnlyIfAPeriodIsSet) {
  DownEvidence evidence{.last_ok = kNow, .down_after = 30000ms, .rebooted_since = kNow};
  EXPECT_EQ(down_from(evidence), kNow + 30000ms);
  evidence.reboot_down_after = 500ms;
  EXPECT_EQ(down_from(evidence), kNow + 500ms);
}

ReplicaCandidate healthy(uint16_t port) {
  return {.address = {"10.0.0.1", port}, .connected = true, .last_ok = kNow, .info_at = kNow, .offset = 100};
}

const SelectionLimits kLimits{.max_ping_age = 500ms, .max_info_age = 5000ms, .max_link_down = 10000ms};

TEST(ReplicaSelection, ExcludesTheUnfit) {
  EXPECT_EQ(why_unsuitable(healthy(1), kLimits, kNow), Unsuitable::none);
  auto replica = healthy(1);
  replica.down = true;
  EXPECT_EQ(why_unsuitable(replica, kLimits, kNow), Unsuitable::down);
  replica = healthy(1);
  replica.connected = false;
  EXPECT_EQ(why_unsuitable(replica, kLimits, kNow), Unsuitable::disconnected);
  replica = healthy(1);
  replica.last_ok = kNow - 501ms;
  EXPECT_EQ(why_unsuitable(replica, kLimits, kNow), Unsuitable::stale_ping);
  replica = healthy(1);
  replica.info_at = kNow - 5001ms;
  EXPECT_EQ(why_unsuitable(replica, kLimits, kNow), Unsuitable::stale_info);
  replica.info_at.reset();
  EXPECT_EQ(why_unsuitable(replica, kLimits, kNow), Unsuitable::stale_info);
  replica = healthy(1);
  replica.priority = 0;
  EXPECT_EQ(why_unsuitable(replica, kLimits, kNow), Unsuitable::priority_zero);
  replica = healthy(1);
  replica.link_down_for = 10001ms;
  EXPECT_EQ(why_unsuitable(replica, kLimits, kNow), Unsuitable::link_down_too_long);
}

TEST(ReplicaSelection, SortsByPriorityThenOffsetThenRunId) {
  std::vector<ReplicaCandidate> replicas{healthy(1), healthy(2), healthy(3)};
  replicas[1].offset = 200;
  EXPECT_EQ(select_replica(replicas, kLimits, kNow), 1u);
  replicas[2].priority = 50;
  EXPECT_EQ(select_replica(replicas, kLimits, kNow), 2u);
  replicas = {healthy(1), healthy(2), healthy(3)};
  replicas[0].run_id = id('f');
  replicas[2].run_id = id('a');
  EXPECT_EQ(select_replica(replicas, kLimits, kNow), 2u);
}

TEST(ReplicaSelection, FindsNoneWhereNoneIsFit) {
  EXPECT_EQ(select_replica({}, kLimits, kNow), std::nullopt);
  std::vector<ReplicaCandidate> replicas{healthy(1)};
  replicas[0].down = true;
  EXPECT_EQ(select_replica(replicas, kLimits, kNow), std::nullopt);
}

TEST(InfoParser, ReadsAPrimary) {
  const NodeInfo info = parse_info(
      "# Server\r\nredis_version:7.0.15\r\nrun_id:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n# Replication\r\n"
      "role:master\r\nconnected_slaves:2\r\nslave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=0\r\n"
      "slave1:10.0.0.2,6381,online\r\nslave2:ip=127.0.0.1,port=0,state=online,offset=14,lag=0\r\nslaves_waiting_psync:0\r\nslave_x:ip=1,port=2\r\n"
      "master_replid:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\nmaster_repl_offset:42\r\n");
  EXPECT_EQ(info.run_id, id('a'));
  EXPECT_EQ(info.role, Role::primary);
  EXPECT_EQ(info.replicas, (std::vector<Endpoint>{{"127.0.0.1", 6380}, {"10.0.0.2", 6381}}));
  EXPECT_EQ(info.replication_id, id('b'));
  EXPECT_EQ(info.primary_offset, 42u);
}

TEST(InfoParser, ReadsAReplica) {
  const NodeInfo info = parse_info(
      "role:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:down\r\n"
      "master_link_down_since_seconds:12\r\nslave_repl_offset:99\r\nslave_priority:10\r\nreplica_announced:0\r\n");
  EXPECT_EQ(info.role, Role::replica);
  EXPECT_EQ(info.primary, (Endpoint{"127.0.0.1", 6379}));
  EXPECT_FALSE(info.link_up);
  EXPECT_EQ(info.link_down_for, Seconds(12));
  EXPECT_EQ(info.offset, 99u);
  EXPECT_EQ(info.priority, 10);
  EXPECT_FALSE(info.announced);
}

TEST(InfoParser, AcceptsAnyText) {
  for (const char* text : {"", "\n\n", ":", "role", "role:", "role:king", "slave0:", "slave0:ip=,port=", "master_port:-1",
                           "master_link_down_since_seconds:99999999999999999999", "slave_priority:abc", "run_id:xyz"}) {
    const NodeInfo info = parse_info(text);
    EXPECT_FALSE(info.role) << text;
    EXPECT_TRUE(info.replicas.empty()) << text;
  }
  EXPECT_FALSE(parse_info("master_link_down_since_seconds:-1").link_down_for);
}

TEST(Event, EachHasItsChannel) {
  std::set<std::string_view> names;
  for (const EventInfo& info : events()) {
    EXPECT_TRUE(info.name.front() == '+' || info.name.front() == '-') << info.name;
    names.insert(info.name);
  }
  EXPECT_EQ(names.size(), events().size());
  EXPECT_EQ(info_of(Event::switch_master).name, "+switch-master");
  EXPECT_EQ((Notice{Event::sdown, "master m 127.0.0.1 6379", "m"}).log_line(), "+sdown master m 127.0.0.1 6379");
}

TEST(Request, RendersARoleChangeAsOneTransaction) {
  const auto commands = commands_of({.kind = Request::Kind::change_role, .target = {"10.0.0.9", 6380}});
  const std::vector<std::vector<std::string>> expected{{"MULTI"},
                                                       {"SLAVEOF", "10.0.0.9", "6380"},
                                                       {"CONFIG", "REWRITE"},
                                                       {"CLIENT", "KILL", "TYPE", "normal"},
                                                       {"CLIENT", "KILL", "TYPE", "pubsub"},
                                                       {"EXEC"},
                                                       {"ROLE"}};
  EXPECT_EQ(commands, expected);
  EXPECT_EQ(commands_of({.kind = Request::Kind::change_role})[1], (std::vector<std::string>{"SLAVEOF", "NO", "ONE"}));
}

TEST(Request, UsesRenamedCommands) {
  Request request{.kind = Request::Kind::change_role};
  request.renames = std::make_shared<const Renames>(Renames{{"SLAVEOF", "move"}, {"CONFIG", "conf"}});
  EXPECT_EQ(commands_of(request)[1][0], "move");
  EXPECT_EQ(commands_of(request)[2][0], "conf");
  EXPECT_EQ(commands_of(request)[0][0], "MULTI");
}

TEST(Request, RendersAsks) {
  Request request{.kind = Request::Kind::ask_master_down, .target = {"10.0.0.9", 6380}, .epoch = Epoch{3}};
  EXPECT_EQ(commands_of(request)[0],
            (std::vector<std::string>{"SENTINEL", "IS-MASTER-DOWN-BY-ADDR", "10.0.0.9", "6380", "3", "*"}));
  request.candidate = id('a');
  EXPECT_EQ(commands_of(request)[0].back(), std::string(40, 'a'));
}

}  // namespace
}  // namespace holdfast::sentinel

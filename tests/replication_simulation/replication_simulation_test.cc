// Many seeds, each a history of faults (see world.h). HOLDFAST_REPLICATION_SEEDS is how many, HOLDFAST_REPLICATION_FIRST_SEED
// the first. A failure prints its seed and commit: the same two give the same history, with its trace.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "common/base/text.h"
#include "common/base/version.h"
#include "tests/replication_simulation/world.h"

namespace holdfast::replication_simulation {
namespace {

constexpr uint64_t kTraceLines = 150;  // HOLDFAST_REPLICATION_TRACE: how many of a failure's lines are shown

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : parse_uint64(value).value_or(otherwise);
}

std::string report(uint64_t seed, const Faults& faults) {
  const Outcome outcome = World(seed, faults, true).run();
  std::string text = fmt::format("seed {} of commit {}: {}\n", seed, build_commit(),
                                 outcome.failure.value_or("did not fail again: the simulation is not deterministic"));
  const uint64_t lines = from_environment("HOLDFAST_REPLICATION_TRACE", kTraceLines);
  const size_t from = outcome.trace.size() > lines ? outcome.trace.size() - lines : 0;
  for (size_t i = from; i < outcome.trace.size(); ++i) text += outcome.trace[i] + "\n";
  return text;
}

TEST(ReplicationSimulation, EveryHistoryIsKeptAndHeals) {
  const uint64_t first = from_environment("HOLDFAST_REPLICATION_FIRST_SEED", 1);
  const uint64_t count = from_environment("HOLDFAST_REPLICATION_SEEDS", 2000);
  uint64_t events = 0, partial = 0, full = 0, commands = 0, failovers = 0;
  Nanos slowest{0}, healing{0};
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome outcome = World(seed, {}, false).run();
    if (outcome.failure) FAIL() << report(seed, {});
    events += outcome.events;
    partial += outcome.partial;
    full += outcome.full;
    commands += outcome.commands;
    failovers += outcome.failovers;
    slowest = std::max(slowest, outcome.healing);
    healing += outcome.healing;
  }
  fmt::print("{} seeds from {} of commit {}: {} events, {} writes, {} partial and {} full resyncs, {} failovers; healing {} ms on average, {} ms at most\n",
             count, first, build_commit(), events, commands, partial, full, failovers, count_ms(healing) / static_cast<int64_t>(std::max<uint64_t>(count, 1)),
             count_ms(slowest));
  // The histories are worth something: both kinds of resync happen in them.
  if (count >= 100) {
    EXPECT_GT(partial, count * 5);
    EXPECT_GT(full, count * 5);
    EXPECT_GT(failovers, count / 5);
  }
}

TEST(ReplicationSimulation, OneSeedIsOneHistory) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    EXPECT_EQ(World(seed, {}, true).run().trace, World(seed, {}, true).run().trace);
  }
}

// A simulator that finds nothing proves nothing: each planted fault must be found, and for what it is.
constexpr uint64_t kSeedsToFind = 1000;

void expect_found(const Faults& faults, std::initializer_list<std::string_view> texts) {
  for (uint64_t seed = 1; seed <= kSeedsToFind; ++seed) {
    const Outcome outcome = World(seed, faults, false).run();
    if (!outcome.failure) continue;
    fmt::print("found by seed {}: {}\n", seed, *outcome.failure);
    EXPECT_TRUE(std::ranges::any_of(texts, [&](auto text) { return outcome.failure->find(text) != std::string::npos; }))
        << *outcome.failure;
    return;
  }
  FAIL() << "not found by " << kSeedsToFind << " seeds";
}

TEST(ReplicationSimulation, FindsASecondOffsetThatIsOneShort) {
  expect_found({.second_offset_short = true}, {"refuses a partial resync"});
}

TEST(ReplicationSimulation, FindsASecondOffsetThatIsIgnored) {
  expect_found({.second_offset_ignored = true}, {"grants a partial resync"});
}

TEST(ReplicationSimulation, FindsAnIdThatOutlivesARestart) {
  expect_found({.keep_id_over_restart = true}, {"a second time", "which its history", "not what that history holds"});
}

TEST(ReplicationSimulation, FindsAnAcknowledgementBeforeTheWork) {
  expect_found({.acknowledge_received = true}, {"that has applied"});
}

TEST(ReplicationSimulation, FindsHalfATransactionForwarded) {
  expect_found({.forward_inside_transaction = true}, {"no history has a state", "not what that history holds"});
}

TEST(ReplicationSimulation, FindsReplicasThatMissANewId) {
  expect_found({.keep_replicas_on_new_id = true}, {"not what that history holds", "no history has a state"});
}

TEST(ReplicationSimulation, FindsHalfATransactionKeptOverALostLink) {
  expect_found({.keep_open_transaction = true}, {"not what that history holds", "no history has a state", "a second time"});
}

TEST(ReplicationSimulation, FindsASnapshotThatHoldsMoreThanItSays) {
  expect_found({.snapshot_of_later_data = true}, {"not what that history holds"});
}

TEST(ReplicationSimulation, FindsADatabaseForgottenByASnapshot) {
  expect_found({.forget_select_after_snapshot = true}, {"not what that history holds"});
}

TEST(ReplicationSimulation, FindsAFailoverThatLosesWrites) {
  expect_found({.hand_over_unasked = true}, {"takes over at"});
}

}  // namespace
}  // namespace holdfast::replication_simulation

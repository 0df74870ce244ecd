// Many seeds, each a history of faults (see world.h). HOLDFAST_SIM_SEEDS is how many, HOLDFAST_SIM_FIRST_SEED the first.
// A failure prints its seed and commit: the same two give the same history, with its trace.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "common/base/text.h"
#include "common/base/version.h"
#include "tests/simulation/world.h"

namespace holdfast::simulation {
namespace {

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : parse_uint64(value).value_or(otherwise);
}

uint64_t seed_count() { return from_environment("HOLDFAST_SIM_SEEDS", 10000); }

// How often a thing is timed: fewer times where fewer seeds are asked for (sanitizers).
uint64_t timing_rounds() { return std::clamp<uint64_t>(seed_count() / 10, 20, 200); }

constexpr size_t kTraceLines = 150;

std::string report(uint64_t seed, const sentinel::Faults& faults) {
  const Outcome outcome = World(seed, faults, true).run();
  std::string text = fmt::format("seed {} of commit {}: {}\n", seed, build_commit(),
                                 outcome.failure.value_or("did not fail again: the simulation is not deterministic"));
  const size_t from = outcome.trace.size() > kTraceLines ? outcome.trace.size() - kTraceLines : 0;
  for (size_t i = from; i < outcome.trace.size(); ++i) text += outcome.trace[i] + "\n";
  return text;
}

TEST(Simulation, EveryHistoryIsSafeAndHeals) {
  const uint64_t first = from_environment("HOLDFAST_SIM_FIRST_SEED", 1);
  const uint64_t count = seed_count();
  uint64_t events = 0, elections = 0, switches = 0;
  Nanos slowest{0}, healing{0};
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome outcome = World(seed, {}, false).run();
    if (outcome.failure) FAIL() << report(seed, {});
    events += outcome.events;
    elections += outcome.elections;
    switches += outcome.switches;
    slowest = std::max(slowest, outcome.healing);
    healing += outcome.healing;
  }
  fmt::print("{} seeds: {} events, {} elections, {} switches; healing {} ms on average, {} ms at most\n", count, events,
             elections, switches, count_ms(healing) / static_cast<int64_t>(std::max<uint64_t>(count, 1)), count_ms(slowest));
  // The histories are worth something: failovers happen in them.
  if (count >= 100) {
    EXPECT_GT(elections, count / 2);
    EXPECT_GT(switches, count / 2);
  }
}

TEST(Simulation, OneSeedIsOneHistory) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    EXPECT_EQ(World(seed, {}, true).run().trace, World(seed, {}, true).run().trace);
  }
}

Nanos percentile(std::vector<Nanos>& values, size_t percent) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, values.size() * percent / 100)];
}

// Target: at most 60 ms past down-after at the median and 150 ms at the 99th percentile. The network here takes 0.2 to
// 0.5 ms each way, and a save no time.
TEST(Simulation, FailoverIsDoneSoonAfterDownAfter) {
  for (const size_t sentinels : {3u, 5u}) {
    std::vector<Nanos> promoted, agreed;
    for (uint64_t seed = 1; seed <= timing_rounds(); ++seed) {
      const Shape shape{.sentinels = sentinels, .quorum = static_cast<uint32_t>(sentinels / 2 + 1)};
      const auto times = World(seed, shape).time_failover();
      ASSERT_TRUE(times) << "seed " << seed;
      promoted.push_back(times->promoted - Millis(1000));
      agreed.push_back(times->agreed - Millis(1000));
    }
    fmt::print("{} sentinels, past down-after: promoted {} / {} ms, all agree {} / {} ms (median / p99)\n", sentinels,
               count_ms(percentile(promoted, 50)), count_ms(percentile(promoted, 99)), count_ms(percentile(agreed, 50)),
               count_ms(percentile(agreed, 99)));
    EXPECT_LE(percentile(promoted, 50), Millis(60));
    EXPECT_LE(percentile(promoted, 99), Millis(150));
    EXPECT_LE(percentile(agreed, 50), Millis(70));
  }
}

// fast-down: a killed primary is replaced long before down-after; one that only vanishes is not.
TEST(Simulation, ACrashThatShowsItselfIsNotWaitedFor) {
  std::vector<Nanos> promoted;
  for (uint64_t seed = 1; seed <= timing_rounds(); ++seed) {
    const Shape shape{.down_after = Millis(5000), .fast_down = true};
    const auto times = World(seed, shape).time_failover();
    ASSERT_TRUE(times) << "seed " << seed;
    promoted.push_back(times->promoted);
  }
  fmt::print("fast-down, from the crash: promoted {} / {} ms (median / p99)\n", count_ms(percentile(promoted, 50)),
             count_ms(percentile(promoted, 99)));
  EXPECT_LE(percentile(promoted, 50), Millis(60));
  EXPECT_LE(percentile(promoted, 99), Millis(150));
}

TEST(Simulation, PrimariesThatDieTogetherShareEpochs) {
  constexpr size_t kGroups = 8;
  std::vector<Nanos> agreed;
  uint64_t epochs = 0;
  for (uint64_t seed = 1; seed <= timing_rounds() / 4; ++seed) {
    const auto mass = World(seed, Shape{.groups = kGroups}).time_mass_failover();
    ASSERT_TRUE(mass) << "seed " << seed;
    agreed.push_back(mass->agreed - Millis(1000));
    epochs += mass->epochs;
  }
  fmt::print("{} primaries at once, past down-after: all agree {} / {} ms (median / p99), {:.1f} epochs\n", kGroups,
             count_ms(percentile(agreed, 50)), count_ms(percentile(agreed, 99)),
             static_cast<double>(epochs) / static_cast<double>(agreed.size()));
  EXPECT_LE(percentile(agreed, 50), Millis(60));
  EXPECT_LE(percentile(agreed, 99), Millis(150));
  EXPECT_LE(epochs, 2 * agreed.size());
}

TEST(Simulation, AnOrderedFailoverTakesAFewRoundTrips) {
  std::vector<Nanos> promoted;
  for (uint64_t seed = 1; seed <= timing_rounds(); ++seed) {
    const auto times = World(seed, Shape{}).time_ordered_failover({});
    ASSERT_TRUE(times) << "seed " << seed;
    promoted.push_back(times->promoted);
  }
  EXPECT_LE(percentile(promoted, 50), Millis(10));
  EXPECT_LE(percentile(promoted, 99), Millis(50));
}

// Runs so many seeds; the first failure is told with its whole history. Each is to have had some switches.
void expect_all_well(Outcome (World::*run)(), uint64_t count, std::string_view what) {
  const uint64_t first = from_environment("HOLDFAST_SIM_FIRST_SEED", 1);
  uint64_t switches = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome outcome = (World(seed, {}, false).*run)();
    if (outcome.failure) {
      const Outcome again = (World(seed, {}, true).*run)();
      std::string text = fmt::format("seed {} of commit {}: {}\n", seed, build_commit(), *outcome.failure);
      for (const std::string& line : again.trace) text += line + "\n";
      FAIL() << text;
    }
    switches += outcome.switches;
  }
  fmt::print("{} seeds with {}: {} switches\n", count, what, switches);
  EXPECT_GT(switches, count * 3);
}

TEST(Simulation, PlannedFailoversLoseNothingThoughSentinelsFail) {
  expect_all_well(&World::run_planned, std::max<uint64_t>(seed_count() / 10, 20), "planned failovers");
}

TEST(Simulation, AReplicasCopyIsSavedFromAPrimaryThatComesBackEmpty) {
  expect_all_well(&World::run_emptied, std::max<uint64_t>(seed_count() / 20, 20), "emptied primaries");
}

// A simulator that finds nothing proves nothing: each planted fault must be found, and for what it is.
constexpr uint64_t kSeedsToFind = 3000;

struct PlantedFault {
  std::string_view name;
  bool sentinel::Faults::*fault;
  std::vector<std::string_view> signs;  // any of these in the failure's text
  uint64_t first_seed = 1;              // where few histories show it: near one that does, to save time
};

const PlantedFault kPlantedFaults[] = {
    {"VotesTwice", &sentinel::Faults::vote_twice, {"voted twice", "two leaders"}},
    {"ForgetsVotesOnRestart", &sentinel::Faults::forget_votes, {"voted twice", "two leaders"}},
    {"DoesNotReadItsJournal", &sentinel::Faults::ignore_journal, {"voted", "two leaders", "configuration epoch"}},
    {"MajorityOneShort", &sentinel::Faults::majority_off_by_one, {"two leaders", "promotes in epoch"}},
    {"CountsTheSharedEpoch",
     &sentinel::Faults::count_shared_epoch,
     {"promotes in epoch", "two leaders", "before that was saved"}},
    {"SharesASpentEpoch", &sentinel::Faults::share_spent_epoch, {"voted twice", "two leaders"}},
    {"ForcesWithoutVotes", &sentinel::Faults::force_without_votes, {"promotes in epoch", "two leaders"}},
    {"AnswersBeforeItSaves", &sentinel::Faults::answer_before_save, {"before that was saved"}},
    {"IgnoresTheQuorum", &sentinel::Faults::ignore_quorum, {"have seen it down"}},
    {"PromotesForeignData", &sentinel::Faults::promote_foreign, {"foreign lineage"}},
    {"IgnoresPriorityAndOffset", &sentinel::Faults::ignore_merit, {"chose"}},
    {"AdoptsOlderConfigurations", &sentinel::Faults::adopt_older, {"went back"}},
    {"MakesTheNewPrimaryFollowItself", &sentinel::Faults::follow_itself, {"told to follow itself"}},
    {"NeverTriesAgain", &sentinel::Faults::never_retry, {"no agreement"}, 1900},
    {"CallsAnyRestartEmpty", &sentinel::Faults::suspect_any_reboot, {"is said to be empty"}},
    {"AnnouncesWhatIsNotSaved", &sentinel::Faults::announce_unsaved, {"announced"}},
};

class Planted : public testing::TestWithParam<PlantedFault> {};

TEST_P(Planted, IsFound) {
  sentinel::Faults faults;
  faults.*GetParam().fault = true;
  const uint64_t first = GetParam().first_seed;
  for (uint64_t seed = first; seed < first + kSeedsToFind; ++seed) {
    const Outcome outcome = World(seed, faults, false).run();
    if (!outcome.failure) continue;
    fmt::print("found by seed {}: {}\n", seed, *outcome.failure);
    EXPECT_TRUE(std::any_of(GetParam().signs.begin(), GetParam().signs.end(), [&](std::string_view sign) {
      return outcome.failure->find(sign) != std::string::npos;
    })) << *outcome.failure;
    return;
  }
  FAIL() << "not found in " << kSeedsToFind << " seeds";
}

INSTANTIATE_TEST_SUITE_P(Simulation, Planted, testing::ValuesIn(kPlantedFaults),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Simulation, FindsAnEmptyPrimaryThatIsAccepted) {
  std::optional<std::string> failure;
  for (uint64_t seed = 1; seed <= 100 && !failure; ++seed) {
    failure = World(seed, {.accept_empty = true}, false).run_emptied().failure;
  }
  ASSERT_TRUE(failure);
  EXPECT_NE(failure->find("is gone"), std::string::npos) << *failure;
}

TEST(Simulation, FindsAPromotionWithoutTheHandover) {
  std::optional<std::string> failure;
  for (uint64_t seed = 1; seed <= 100 && !failure; ++seed) failure = World(seed, {.no_handover = true}, false).run_planned().failure;
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->find("two primaries") != std::string::npos || failure->find("is lost") != std::string::npos);
}

}  // namespace
}  // namespace holdfast::simulation

#include "node/replication/payload_reader.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace holdfast::node {
namespace {

struct Outcome {
  std::string data;
  std::string rest;
  bool done = false;
  bool failed = false;
};

// Feeds `input` in pieces of random size.
Outcome run(std::string_view input, uint64_t seed, size_t largest) {
  SeededRandom random(seed);
  PayloadReader reader;
  Outcome outcome;
  while (!input.empty() && !outcome.done) {
    const size_t size = std::min<size_t>(input.size(), 1 + random.below(largest));
    auto step = reader.feed(input.substr(0, size));
    if (!step) {
      outcome.failed = true;
      return outcome;
    }
    outcome.data += step->held;
    outcome.data += step->data;
    outcome.done = step->done;
    EXPECT_TRUE(step->done || step->consumed == size);
    input.remove_prefix(step->consumed);
  }
  outcome.rest = input;
  return outcome;
}

TEST(PayloadReader, CountedPayloadEndsAtItsLength) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto outcome = run("\n\n$11\r\nhello\r\nwolf*1\r\n", seed, 7);
    EXPECT_TRUE(outcome.done);
    EXPECT_EQ(outcome.data, "hello\r\nwolf");
    EXPECT_EQ(outcome.rest, "*1\r\n");
  }
}

TEST(PayloadReader, StreamedPayloadEndsAtItsMark) {
  const std::string mark(40, 'm');
  std::string payload;
  for (int i = 0; i < 300; ++i) payload += std::string(static_cast<size_t>(i % 40), 'm') + "x";
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const auto outcome = run("\n$EOF:" + mark + "\r\n" + payload + mark + "\n*1\r\n", seed, 1 + seed % 120);
    EXPECT_TRUE(outcome.done);
    EXPECT_EQ(outcome.data, payload);
    EXPECT_EQ(outcome.rest, "\n*1\r\n");
  }
}

TEST(PayloadReader, RefusesWhatIsNoHeader) {
  for (const char* bad : {"-ERR no\r\n", "+OK\r\n", "$abc\r\n", "$-1\r\n", "$EOF:short\r\n", "$99999999999999999999\r\n"}) {
    EXPECT_TRUE(run(bad, 1, 3).failed) << bad;
  }
  EXPECT_TRUE(run(std::string(5000, 'x'), 1, 100).failed);
}

TEST(PayloadReader, EmptyPayloadIsDoneAtOnce) {
  const auto outcome = run("$0\r\n", 1, 100);
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.data, "");
}

}  // namespace
}  // namespace holdfast::node

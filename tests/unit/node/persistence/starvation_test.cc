#include "node/persistence/starvation.h"

#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

Nanos part(double share, Nanos time) { return Nanos(static_cast<int64_t>(share * static_cast<double>(time.count()))); }

// Looks for so long, while `left` of the time is left to the thread, which gets `got`, and wants it at `wanting` looks
// of ten.
bool starves(double left, double got, int wanting, Nanos time = Seconds(2)) {
  Starvation starvation{Instant{}};
  bool starved = false;
  int looks = 0;
  for (Nanos now{}; now < time; now += Millis(10)) {
    const Instant at = Instant{} + now;
    if (starvation.due(at)) starved |= starvation.look(at, part(got, now), part(left, now), looks++ % 10 < wanting);
  }
  return starved;
}

TEST(Starvation, IsToGetLittleOfWhatIsLeftThoughOneWantsIt) {
  EXPECT_TRUE(starves(0.025, 0.003, 10));
  EXPECT_TRUE(starves(0.6, 0.1, 7));
  EXPECT_TRUE(starves(0.005, 0.003, 10)) << "the executor has given up sleeping, but for a try now and then";
  EXPECT_FALSE(starves(0.6, 0.1, 3)) << "it waits for its disk";
  EXPECT_FALSE(starves(0.08, 0.07, 10)) << "a busy executor on the same processor leaves it no more";
  EXPECT_FALSE(starves(0.08, 0.5, 10));
  EXPECT_FALSE(starves(0, 0, 10)) << "there is little to do: nobody waits for it";
}

TEST(Starvation, TakesAWhileToBeSure) {
  EXPECT_FALSE(starves(0.1, 0, 10, Millis(390)));
  EXPECT_TRUE(starves(0.1, 0, 10, Millis(500)));
}

// A thread that got its time before must not live on that.
TEST(Starvation, IsAboutTheLastLooks) {
  Starvation starvation{Instant{}};
  Instant now{};
  bool starved = false;
  for (int i = 1; i <= 40; ++i) starved |= starvation.look(now += Millis(50), Seconds(100), Millis(10) * i, true);
  EXPECT_TRUE(starved);
}

}  // namespace
}  // namespace holdfast::node

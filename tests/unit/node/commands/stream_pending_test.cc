// Pending entries of streams whose times and counts are at the ends of what 64 bits hold: no command makes such times,
// a damaged payload does.
#include <gtest/gtest.h>

#include "tests/support/payload_footer.h"
#include "tests/support/value_reading.h"
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node::testing {
namespace {

using test::call;
using test::kFooterBytes;
using test::sealed;

constexpr int64_t kLeast = INT64_MIN, kMost = INT64_MAX;

class StreamPending : public NodeTest {
 protected:
  // "s" with the entry 1-1, which consumer "c" of group "g" has got.
  void make_stream() {
    run("DEL s");
    run("XADD s 1-1 a b");
    run("XGROUP CREATE s g 0");
    run("XREADGROUP GROUP g c STREAMS s >");
  }
  // The same, the entry having been delivered to "c" and "c" seen last at `ms`.
  void make_stream_of(int64_t ms) {
    make_stream();
    const std::string reply = call(node, client, {"DUMP", "s"});
    std::string body = reply.substr(reply.find('\n') + 1);
    body.resize(body.size() - 2 - kFooterBytes);
    const std::string now = bytes_of(to_unix_ms(clock.wall_now())), then = bytes_of(ms);
    size_t replaced = 0;
    for (size_t at = body.find(now); at != std::string::npos; at = body.find(now, at + 8)) {
      body.replace(at, 8, then);
      ++replaced;
    }
    ASSERT_EQ(replaced, 2u);
    ASSERT_EQ(call(node, client, {"RESTORE", "s", "0", sealed(body), "REPLACE"}), "+OK\r\n");
  }
  static std::string bytes_of(int64_t number) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(static_cast<uint64_t>(number) >> (8 * i));
    return bytes;
  }
};

// What redis-server 7.0 answers to each.
TEST_F(StreamPending, TimesThatNoDifferenceHoldsAreNotIdle) {
  for (const int64_t ms : {kLeast, kLeast + (int64_t{1} << 40), kMost / 2, kMost}) {
    ASSERT_NO_FATAL_FAILURE(make_stream_of(ms));
    EXPECT_EQ(run("XPENDING s g - + 10"), "*1|*4|$3|1-1|$1|c|:0|:1|") << ms;
    EXPECT_EQ(run("XPENDING s g IDLE 1 - + 10"), "*0|") << ms;
    EXPECT_EQ(run("XPENDING s g - + 10 c"), "*1|*4|$3|1-1|$1|c|:0|:1|") << ms;
    EXPECT_EQ(run("XINFO CONSUMERS s g"), "*1|*6|$4|name|$1|c|$7|pending|:1|$4|idle|:0|") << ms;
    EXPECT_EQ(run("XCLAIM s g d 1 1-1 JUSTID"), "*0|") << ms;
    EXPECT_EQ(run("XAUTOCLAIM s g d 1 0 JUSTID"), "*3|$3|0-0|*0|*0|") << ms;
    EXPECT_EQ(run("XAUTOCLAIM s g d 0 0 JUSTID"), "*3|$3|0-0|*1|$3|1-1|*0|") << ms;
  }
}

TEST_F(StreamPending, TimesBeforeTheEpochAreIdleForLong) {
  ASSERT_NO_FATAL_FAILURE(make_stream_of(-1));
  const std::string idle = std::to_string(to_unix_ms(clock.wall_now()) + 1);
  EXPECT_EQ(run("XPENDING s g IDLE " + idle + " - + 10"), "*1|*4|$3|1-1|$1|c|:" + idle + "|:1|");
  EXPECT_EQ(run("XINFO CONSUMERS s g"), "*1|*6|$4|name|$1|c|$7|pending|:1|$4|idle|:" + idle + "|");
  EXPECT_EQ(run("XCLAIM s g d " + idle + " 1-1 JUSTID"), "*1|$3|1-1|");
}

// Effects that a replica refuses would leave the entry with its old consumer there.
TEST_F(StreamPending, DeliveriesThatAreManyStayWhatCommandsTake) {
  make_stream();
  run("XCLAIM s g c 0 1-1 RETRYCOUNT 9223372036854775807");
  effects();
  run("XCLAIM s g d 0 1-1");
  run("XAUTOCLAIM s g e 0 0");
  const std::string told = " 0 1-1 TIME " + std::to_string(to_unix_ms(clock.wall_now())) +
                           " RETRYCOUNT 9223372036854775807 FORCE JUSTID LASTID 1-1";
  EXPECT_EQ(effects(), (Lines{"0: XCLAIM s g d" + told, "0: XCLAIM s g e" + told}));
  run("XREADGROUP GROUP g e STREAMS s 0");
  EXPECT_EQ(run("XPENDING s g - + 10"), "*1|*4|$3|1-1|$1|e|:0|:9223372036854775807|");
}

TEST_F(StreamPending, CountOfEntriesReadThatCannotGrowIsCountedAnew) {
  run("XADD s 1-1 a b");
  run("XADD s 2-1 a b");
  run("XADD s 3-1 a b");
  run("XGROUP CREATE s g 0 ENTRIESREAD 9223372036854775807");
  effects();
  run("XREADGROUP GROUP g c NOACK COUNT 1 STREAMS s >");
  EXPECT_EQ(effects().at(2), "0: XGROUP SETID s g 1-1 ENTRIESREAD 1");
  run("XGROUP SETID s g 1-1 ENTRIESREAD 9223372036854775807");
  effects();
  run("XREADGROUP GROUP g c NOACK COUNT 1 STREAMS s >");
  EXPECT_EQ(effects().at(0), "0: XGROUP SETID s g 2-1 ENTRIESREAD -1");
}

}  // namespace
}  // namespace holdfast::node::testing

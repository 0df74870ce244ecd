#include "node/replication/stream_forwarder.h"

#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

class Forwarder : public testing::Test {
 protected:
  std::string take(std::string_view word) {
    const std::string_view argv[] = {word};
    return std::string(forwarder_.take(std::string(word) + ";", argv));
  }
  StreamForwarder forwarder_;
};

TEST_F(Forwarder, PassesEachCommandOutsideATransaction) {
  EXPECT_EQ(take("set"), "set;");
  EXPECT_EQ(forwarder_.take("\r\n", {}), "\r\n");
  EXPECT_EQ(take("exec"), "exec;");
}

TEST_F(Forwarder, HoldsATransactionUntilItsEnd) {
  EXPECT_EQ(take("multi"), "");
  EXPECT_EQ(take("set"), "");
  EXPECT_EQ(forwarder_.take("\r\n", {}), "");
  EXPECT_EQ(forwarder_.held(), 12u);
  EXPECT_EQ(take("EXEC"), "multi;set;\r\nEXEC;");
  EXPECT_EQ(forwarder_.held(), 0u);
  EXPECT_EQ(take("set"), "set;");
}

TEST_F(Forwarder, ForgetsAnUnfinishedTransaction) {
  take("multi");
  take("set");
  forwarder_.reset();
  EXPECT_EQ(take("get"), "get;");
}

}  // namespace
}  // namespace holdfast::node

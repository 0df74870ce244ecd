#include "sentinel/core/agenda.h"

#include <gtest/gtest.h>

namespace holdfast::sentinel {
namespace {

Instant at(int millis) { return Instant(Millis(millis)); }

TEST(Agenda, NamesTheEarliestFirst) {
  Agenda agenda;
  EXPECT_EQ(agenda.next(), Instant::max());
  agenda.add(1, at(30));
  agenda.add(2, at(10));
  agenda.add(3, at(10));
  EXPECT_EQ(agenda.next(), at(10));
  EXPECT_EQ(agenda.due(at(9)), std::nullopt);
  EXPECT_EQ(agenda.due(at(10)), 2);
  agenda.move(2, at(10), at(40));
  EXPECT_EQ(agenda.due(at(10)), 3);
  agenda.remove(3, at(10));
  EXPECT_EQ(agenda.next(), at(30));
  agenda.move(1, at(30), Instant::max());
  EXPECT_EQ(agenda.next(), at(40));
}

}  // namespace
}  // namespace holdfast::sentinel

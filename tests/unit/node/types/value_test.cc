#include "node/types/value.h"

#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

std::string text(const Value& value) {
  Value::Scratch scratch;
  return std::string(value.bytes(scratch));
}

TEST(Value, CanonicalIntegersAreKeptAsIntegers) {
  for (const char* number : {"0", "-1", "9223372036854775807", "-9223372036854775808", "42"}) {
    EXPECT_EQ(Value::string(number).encoding(), "int") << number;
    EXPECT_EQ(text(Value::string(number)), number);
  }
  for (const char* other : {"", "-0", "007", "+1", " 1", "1 ", "9223372036854775808", "1.0", "1e3"}) {
    EXPECT_EQ(Value::string(other).encoding(), "embstr") << other;
    EXPECT_EQ(text(Value::string(other)), other);
  }
}

TEST(Value, EncodingTurnsRawAfter44BytesOrAChangeInPlace) {
  EXPECT_EQ(Value::string(std::string(44, 'x')).encoding(), "embstr");
  EXPECT_EQ(Value::string(std::string(45, 'x')).encoding(), "raw");
  Value value = Value::string("12");
  value.mutable_bytes() += "3";
  EXPECT_EQ(text(value), "123");
  EXPECT_EQ(value.encoding(), "raw");
  EXPECT_EQ(value.clone().encoding(), "raw");
}

TEST(Value, CloneIsEqualAndIndependent) {
  Value value = Value::string("hello");
  Value copy = value.clone();
  EXPECT_EQ(value, copy);
  copy.mutable_bytes()[0] = 'j';
  EXPECT_EQ(text(value), "hello");
  EXPECT_NE(value, copy);
}

}  // namespace
}  // namespace holdfast::node

// A line for the log, as data: pure machines return notices and their driver writes them.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::node {

struct Notice {
  enum class Level : uint8_t { notice, warning };
  Level level = Level::notice;
  std::string text;
};

}  // namespace holdfast::node

// What is in an RDB file and what is wrong with it, in the words of redis-check-rdb: every value is read as a load would
// read it, and dropped.
//
// Any one thread. The file may be anything: each fault is a line with its place, and the first ends the check.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/time/clock.h"
#include "node/persistence/byte_stream.h"

namespace holdfast::node {

// A line of a report, without its end.
using SayLine = std::function<void(std::string_view line)>;

struct RdbCheck {
  bool sound = false;
  uint64_t bytes = 0;  // up to the end of the RDB, or to the fault
  uint64_t keys = 0;
  uint64_t expires = 0;
  uint64_t expired = 0;  // by `now`
};

// `name` is what the file is called in the report.
RdbCheck check_rdb(ByteSource& source, std::string_view name, WallTime now, const SayLine& say);

}  // namespace holdfast::node

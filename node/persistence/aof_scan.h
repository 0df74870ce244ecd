// Goes over the commands of an append-only file and finds how far they are in order: what redis-check-aof looks for.
//
// Stricter than a load in one thing (zeros behind the last command are a fault here, a torn tail there), and like it in
// all others. Reads block by block; an argument's length allocates nothing. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/fs/file_system.h"

namespace holdfast::node {

struct AofScan {
  uint64_t size = 0;        // of the file
  uint64_t sound_bytes = 0;  // up to the end of the last command or annotation in order, transactions as a whole
  uint64_t lines = 1;       // the line that was looked at last, from 1, counted from the scan's start
  std::string fault;        // what is wrong; empty: nothing
  uint64_t fault_offset = 0;
  bool no_command = false;  // the fault: something else than a command or an annotation
  // Where the first annotation of a later time than the one asked for begins; the scan ends there.
  std::optional<uint64_t> cut;

  bool sound() const { return fault.empty(); }
};

// From `offset` on. `until`: the time to look for, in unix seconds. `name` is for the texts. An Error only where the file
// cannot be read.
Result<AofScan> scan_aof(File& file, uint64_t offset, std::string_view name, std::optional<int64_t> until);

}  // namespace holdfast::node

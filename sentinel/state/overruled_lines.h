// Which `sentinel ...` lines of included files and of the command line count for nothing, because the sentinel's own
// file says otherwise. Pure.
//
// A rewrite writes the whole state into the sentinel's file, and reaches no other. What an included file says of where
// the primary is, of renamed commands, votes, epochs and known nodes stands twice from then on, and may be older:
// the sentinel's own file has the say. Of settings (auth-pass, down-after-milliseconds) the last line counts, as ever.
#pragma once

#include <span>
#include <vector>

#include "sentinel/state/sentinel_lines.h"

namespace holdfast::sentinel {

struct SourcedLine {
  LineWords words;
  bool in_own_file = true;
};

// For each line whether it is overruled. Lines of the own file never are.
std::vector<bool> overruled_lines(std::span<const SourcedLine> lines);

}  // namespace holdfast::sentinel

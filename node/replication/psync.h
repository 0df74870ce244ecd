// The primary's answer to PSYNC: may this replica continue, and from where? Pure.
//
// It may when the history that it names is ours (`id`), or was ours up to the point it asks for (`id2` with an offset not
// past second_offset), and the stream still holds every byte from there on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "node/replication/replication_log.h"

namespace holdfast::node {

struct PsyncDecision {
  bool resume = false;
  int64_t position = 0;  // in the stream, when it resumes
  std::string reason;    // for the log, in Redis's words; "" for a first sync ("?")
};

// `offset` as in the request: the first byte wanted, counted from 1.
PsyncDecision decide_psync(const ReplicationLog& log, std::string_view id, int64_t offset);

}  // namespace holdfast::node

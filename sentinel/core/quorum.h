// How many sentinels are enough. Pure arithmetic, in one place because an error of one here costs data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace holdfast::sentinel {

// A strict majority of all sentinels known for the primary (reachable or not), this one included.
size_t majority_of(size_t voters);

// Votes that make a leader: the majority, and at least the quorum.
size_t votes_needed(size_t voters, uint32_t quorum);

// ODOWN: at least `quorum` sentinels, this one included, see the primary down.
bool objectively_down(size_t sentinels_that_see_it_down, uint32_t quorum);

// SENTINEL CKQUORUM: the status text or the error text, in the reference's words.
Result<std::string> check_quorum(size_t voters, size_t usable, uint32_t quorum);

}  // namespace holdfast::sentinel

#include "sentinel/core/quorum.h"

#include <algorithm>

namespace holdfast::sentinel {

size_t majority_of(size_t voters) { return voters / 2 + 1; }

size_t votes_needed(size_t voters, uint32_t quorum) { return std::max<size_t>(majority_of(voters), quorum); }

bool objectively_down(size_t sentinels_that_see_it_down, uint32_t quorum) {
  return sentinels_that_see_it_down >= quorum;
}

Result<std::string> check_quorum(size_t voters, size_t usable, uint32_t quorum) {
  const bool quorum_ok = usable >= quorum;
  const bool majority_ok = usable >= majority_of(voters);
  if (quorum_ok && majority_ok) {
    return fmt::format("OK {} usable Sentinels. Quorum and failover authorization can be reached", usable);
  }
  std::string text = fmt::format("NOQUORUM {} usable Sentinels. ", usable);
  if (!quorum_ok) text += "Not enough available Sentinels to reach the specified quorum for this master";
  if (!majority_ok) {
    if (!quorum_ok) text += ". ";
    text += "Not enough available Sentinels to reach the majority and authorize a failover";
  }
  return std::unexpected(Error{std::move(text), 0});
}

}  // namespace holdfast::sentinel

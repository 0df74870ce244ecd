#include "node/commands/unsynced_keys.h"

namespace holdfast::node {

void UnsyncedKeys::switch_on() {
  if (!on()) offsets_ = std::make_unique<uint64_t[]>(size_t{1} << kBits);
  all_ = kThisTurn;
}

void UnsyncedKeys::switch_off() {
  offsets_.reset();
  marked_ = {};
  all_ = 0;
}

void UnsyncedKeys::end_turn(uint64_t offset) {
  if (!on()) return;
  for (const uint32_t place : marked_) offsets_[place] = offset;
  marked_.clear();
  if (all_ == kThisTurn) all_ = offset;
}

}  // namespace holdfast::node

// Filling a table from a file: entries that are made already, and a size that is known beforehand.
#include <cmath>

#include "common/base/assert.h"
#include "node/keyspace/dict.h"
#include "node/types/touch.h"

namespace holdfast::node {

void Dict::prefetch_vacancy(uint64_t hash) const {
  if (parts_ == nullptr) return;
  const uint64_t position = position_of(hash);
  const Ref ref = ref_at(position);
  const BucketRange range = buckets_of(ref);
  prefetch_line(segment_of(ref));
  prefetch_line(range.first + range.home(place_at(position, depth_of(ref))));
}

bool Dict::adopt(uint64_t hash, EntryPtr& entry) {
  if (parts_ == nullptr) {
    make_parts();
    install(0, Segment::build({}, 0, smallest()));
  }
  const uint64_t position = position_of(hash);
  const auto tag = static_cast<uint8_t>(hash);
  for (bool known_absent = false;; known_absent = true) {
    const Ref ref = ref_at(position);
    const BucketRange range = buckets_of(ref);
    const uint32_t place = place_at(position, depth_of(ref));
    if (!known_absent) {
      const auto matches = [&](const Bucket& bucket, unsigned slot) {
        const Slot value = bucket.slots[slot];
        return place_of(value) == place && value != 0 && entry_of(value)->has_key(entry->key());
      };
      const unsigned home = range.home(place);
      const Bucket& bucket = range.first[home];
      if (bucket.any_tagged(tag, [&](unsigned slot) { return matches(bucket, slot); })) return false;
      if (bucket.overflow > 0 && Segment::find_displaced(range, home, tag, matches)) return false;
    }
    if (segment_of(ref)->place(range, make_slot(entry.get(), place) | colour_, tag)) break;
    make_room(position);
  }
  ++size_;
  if (entry->has_expiry()) count_expiring(hash, false, true);
  entry_bytes_ += entry->memory_bytes();
  (void)entry.release();  // the table's own now
  return true;
}

// With x = h(4-h)/3 for the position and the hash as fractions, a key's chance to lie at x is dh/dx = 1.5 / sqrt(4-3x).
double Dict::expected_in(uint64_t position, unsigned depth) const {
  const double x = std::ldexp(static_cast<double>(position >> 11), -53) + std::ldexp(0.5, -static_cast<int>(depth));
  return std::ldexp(static_cast<double>(expected_), -static_cast<int>(depth)) * 1.5 / std::sqrt(4 - 3 * x);
}

bool Dict::too_many_expected(uint64_t position, unsigned depth) const {
  constexpr double kRoomy = 380;  // of 441 slots; what comes above that by chance finds room too
  return expected_ != 0 && depth < kMaxDepth && expected_in(position, depth) > kRoomy;
}

unsigned Dict::fewest_expected(uint64_t position, unsigned depth) const {
  if (expected_ == 0) return smallest();
  const auto count = static_cast<unsigned>(expected_in(position, depth) * 0.7);  // the last step is taken if need be
  return std::max(smallest(), Segment::roomy_step(count, smallest()));
}

}  // namespace holdfast::node

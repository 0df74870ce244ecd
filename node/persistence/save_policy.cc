#include "node/persistence/save_policy.h"

#include <algorithm>

namespace holdfast::node {

namespace {
constexpr Nanos kRetryDelay = Seconds(5);
constexpr int kTolerated = 3;
constexpr int64_t kMaxDelayMinutes = 60;
}  // namespace

const SaveRule* due_save_rule(std::span<const SaveRule> rules, const SaveState& state, Instant now) {
  if (!state.last_ok && state.last_try && now - *state.last_try <= kRetryDelay) return nullptr;
  for (const SaveRule& rule : rules) {
    if (state.dirty >= rule.changes && now - state.last_save > Seconds(rule.seconds)) return &rule;
  }
  return nullptr;
}

std::optional<int64_t> due_rewrite_growth(const RewriteRule& rule, uint64_t base_bytes, uint64_t current_bytes) {
  if (rule.percentage <= 0 || current_bytes <= rule.min_bytes) return std::nullopt;
  const uint64_t base = std::max<uint64_t>(base_bytes, 1);
  const auto growth = static_cast<int64_t>(static_cast<__int128>(current_bytes) * 100 / base) - 100;
  if (growth < rule.percentage) return std::nullopt;
  return growth;
}

Nanos RewriteBackoff::delay() const {
  if (failures_ < kTolerated) return Nanos(0);
  const int doublings = std::min(failures_ - kTolerated, 6);
  return std::chrono::minutes(std::min<int64_t>(int64_t{1} << doublings, kMaxDelayMinutes));
}

}  // namespace holdfast::node

#include "node/commands/evictor.h"

#include <algorithm>

#include "common/log/log.h"
#include "node/commands/node.h"
#include "node/options/notify_events.h"

namespace holdfast::node {

namespace {

constexpr int kKeysBetweenLooks = 16;  // at the clock

}  // namespace

MemoryLoad Evictor::memory_load() const {
  return {node_.process().used_memory(),
          node_.persistence().buffered_bytes() + node_.replication().memory().beyond_backlog()};
}

bool Evictor::holds_back() const {
  return node_.loading() || node_.server().paused() != server::Server::Pause::none ||
         (node_.is_replica() && node_.config().replica_ignore_max_memory);
}

bool Evictor::wanted() const {
  return excess_time_.running() || node_.process().used_memory() > node_.config().max_memory_bytes;
}

Evictor::Outcome Evictor::make_room() {
  const uint64_t limit = node_.config().max_memory_bytes;
  uint64_t over = 0;
  if (limit != 0 && node_.process().used_memory() > limit && !holds_back()) over = excess(memory_load(), limit);
  if (over == 0) {
    excess_time_.under(node_.clock());
    return Outcome::fits;
  }
  const Outcome outcome = evict_until_it_fits(over);
  outcome == Outcome::fits ? excess_time_.under(node_.clock()) : excess_time_.over(node_.clock());
  return outcome;
}

Evictor::Outcome Evictor::evict_until_it_fits(uint64_t over) {
  const NodeConfig& config = node_.config();
  const Instant start = node_.clock().now();
  const auto patience = eviction_time_limit(config.eviction_tenacity);
  const int64_t now_ms = to_unix_ms(node_.clock().wall_now());
  Outcome outcome = Outcome::fits;
  uint64_t freed = 0;
  for (int count = 1; freed < over; ++count) {
    const auto victim =
        chooser_.choose(node_.keys(), config.eviction_policy, config.eviction_samples, now_ms, node_.random());
    if (!victim) {
      // What was evicted lazily may still be on its way out.
      const Reclaimer* reclaimer = node_.keys().reclaimer();
      const bool more_to_come = reclaimer != nullptr && reclaimer->pending_objects() > 0;
      outcome = more_to_come ? Outcome::running : Outcome::nothing_left;
      if (more_to_come) start_in_background();
      break;
    }
    freed += evict(*victim);
    if (count % kKeysBetweenLooks != 0 || freed >= over) continue;
    // What is not yet told is memory as well.
    node_.effects().flush(Effects::Wrap::none);
    if (!patience || node_.clock().now() - start <= *patience) continue;
    outcome = Outcome::running;
    start_in_background();
    break;
  }
  node_.effects().flush(Effects::Wrap::none);
  // The command that waited for this begins now.
  node_.note_latency("eviction-cycle", node_.server().refresh_now() - start);
  return outcome;
}

// The bytes that it gave back, or will when it is freed in the background, as large values always are. The words for the log and the replicas are not counted against it.
uint64_t Evictor::evict(const EvictionChooser::Victim& victim) {
  const bool timed = node_.config().latency_threshold_ms > 0;
  const Instant start = timed ? node_.clock().now() : Instant{};
  const Entry* entry = node_.keys().find_raw(victim.db, victim.key);
  const uint64_t promised = entry != nullptr ? entry->memory_bytes() : 0;
  const uint64_t before = node_.process().used_memory();
  node_.keys().evict(victim.db, victim.key,
                     node_.config().lazyfree_eviction ? Keyspace::Free::lazily : Keyspace::Free::now);
  const uint64_t after = node_.process().used_memory();
  if (timed) node_.note_latency("eviction-del", node_.clock().now() - start);
  node_.notify(kNotifyEvicted, "evicted", victim.db, victim.key);
  node_.effects().push(victim.db, {node_.config().lazyfree_eviction ? "UNLINK" : "DEL", victim.key});
  return std::max(before > after ? before - after : 0, promised);
}

void Evictor::limit_changed() {
  const uint64_t limit = node_.config().max_memory_bytes;
  if (limit == 0) return excess_time_.under(node_.clock());
  const uint64_t used = node_.process().used_memory();
  if (used <= limit) return;
  log::warning(
      "WARNING: the new maxmemory value set via CONFIG SET ({}) is smaller than the current memory usage ({}). This will "
      "result in key eviction and/or the inability to accept new write commands depending on the maxmemory-policy.",
      limit, used);
  start_in_background();
}

void Evictor::start_in_background() {
  if (scheduled_) return;
  scheduled_ = true;
  node_.process().run_soon([this] {
    scheduled_ = false;
    make_room();  // asks to be called again when it is still not done
  });
}

Nanos Evictor::current_excess_time() const { return excess_time_.current(node_.clock().now()); }

Nanos Evictor::total_excess_time() const { return excess_time_.total(node_.clock().now()); }

}  // namespace holdfast::node

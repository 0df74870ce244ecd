#include "node/io/compactor.h"

#include <utility>

#include "common/log/log.h"
#include "node/io/process_facts.h"

namespace holdfast::node {

namespace {

MemoryUse measure() {
  const MemoryFacts facts = allocator_facts();
  return {.allocated_bytes = facts.allocated_bytes, .active_bytes = facts.active_bytes};
}

}  // namespace

Compactor::Compactor(BackgroundDriver& background, const Clock& clock, Node& node, std::function<bool()> may_run)
    : background_(background), clock_(clock), node_(node), may_run_(std::move(may_run)),
      task_(background.add([this](Instant until) { return slice(until); })) {
  configure({});
}

void Compactor::configure(const CompactionConfig& config) {
  configured_ = config_ = config;
  config_.enabled = config.enabled && can_compact();
  if (policy_.running()) end_run();
  policy_.stop();
  measure_due_ = clock_.now();
}

void Compactor::tick() {
  const Instant now = clock_.now();
  if (policy_.running()) node_.compaction().current_time = now - run_began_;
  if (now < measure_due_) return;
  measure_due_ = now + kPeriod;
  const bool was_running = policy_.running();
  if (config_.enabled) policy_.measured(measure(), config_);
  // A run that has ended since the last look is shown until now: whoever polls sees short ones too.
  node_.compaction().running_percent = policy_.effort();
  if (!policy_.running()) return;
  if (!was_running) run_began_ = now;
  // Blocks that wait there for the next allocation each hold a slab that nothing else is in.
  flush_thread_cache();
  go_on();
}

void Compactor::go_on() {
  node_.compaction().running_percent = policy_.effort();
  background_.want(task_, policy_.effort() / 100.0);
}

void Compactor::end_run() {
  CompactionState& state = node_.compaction();
  const Nanos took = clock_.now() - run_began_;
  state.total_time += took;
  state.current_time = Nanos(0);
  const MemoryUse use = measure();
  log::verbose("Compacted memory for {} ms: {} bytes allocated, {} in use for them", count_ms(took),
               use.allocated_bytes, use.active_bytes);
}

bool Compactor::slice(Instant until) {
  if (!policy_.running()) return false;
  if (node_.loading() || !may_run_()) return false;  // the next tick asks again
  const Instant begin = clock_.now();
  Instant now = begin;
  bool walked = false;
  while (!walked && now < until) {
    walked = node_.keys().compact(mover_, node_.compaction().count);
    now = clock_.now();
  }
  node_.note_latency("active-defrag-cycle", now - begin);
  if (walked) {
    policy_.walked(measure(), config_);
    policy_.running() ? go_on() : end_run();
  }
  return policy_.running();
}

}  // namespace holdfast::node

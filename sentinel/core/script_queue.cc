#include "sentinel/core/script_queue.h"

#include <algorithm>
#include <utility>

namespace holdfast::sentinel {

namespace {

bool waits(const ScriptQueue::Script& script) { return script.pid == 0; }

}  // namespace

void ScriptQueue::add(std::vector<std::string> argv, Instant now) {
  scripts_.push_back({.id = ++last_id_, .argv = std::move(argv), .since = now});
  if (scripts_.size() <= kMostHeld) return;
  scripts_.erase(std::find_if(scripts_.begin(), scripts_.end(), waits));  // the new one, if all others run
}

const ScriptQueue::Script* ScriptQueue::next_to_start(Instant now) const {
  if (running() >= kMostRunning) return nullptr;
  const auto found =
      std::find_if(scripts_.begin(), scripts_.end(), [&](const Script& s) { return waits(s) && s.since <= now; });
  return found == scripts_.end() ? nullptr : &*found;
}

void ScriptQueue::started(uint64_t id, int pid, Instant now) {
  const auto script = find(id);
  if (script == scripts_.end()) return;
  script->pid = pid;
  script->since = now;
  script->killed = false;
  ++script->tries;
}

const ScriptQueue::Script* ScriptQueue::next_to_kill(const Limits& limits, Instant now) {
  for (Script& script : scripts_) {
    if (waits(script) || script.killed || now - script.since < limits.max_runtime) continue;
    script.killed = true;
    return &script;
  }
  return nullptr;
}

std::optional<ScriptQueue::Script> ScriptQueue::ended(uint64_t id, const End& end, const Limits& limits, Instant now) {
  const auto script = find(id);
  if (script == scripts_.end()) return std::nullopt;
  const bool again = (end.by_signal || end.code == 1) && script->tries < kMostTries;
  if (again) {
    script->pid = 0;
    script->since = now + limits.retry_delay * (int64_t{1} << std::max(0, script->tries - 1));
    return std::nullopt;
  }
  Script over = std::move(*script);
  scripts_.erase(script);
  if (!end.by_signal && end.code == 0) return std::nullopt;
  return over;
}

std::optional<Instant> ScriptQueue::next_deadline(const Limits& limits) const {
  const bool full = running() >= kMostRunning;
  std::optional<Instant> next;
  for (const Script& script : scripts_) {
    if (waits(script) ? full : script.killed) continue;
    const Instant at = waits(script) ? script.since : script.since + limits.max_runtime;
    if (!next || at < *next) next = at;
  }
  return next;
}

size_t ScriptQueue::running() const {
  return static_cast<size_t>(std::count_if(scripts_.begin(), scripts_.end(), [](const Script& s) { return !waits(s); }));
}

std::list<ScriptQueue::Script>::iterator ScriptQueue::find(uint64_t id) {
  return std::find_if(scripts_.begin(), scripts_.end(), [&](const Script& s) { return s.id == id; });
}

}  // namespace holdfast::sentinel

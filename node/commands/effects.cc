#include "node/commands/effects.h"

#include <algorithm>

namespace holdfast::node {

void Effects::feed(int db, std::span<const std::string_view> argv, Reach reach) {
  for (const Sink& sink : sinks_) {
    if (reach == Reach::all || sink.kind == SinkKind::stream) sink.sink->feed(db, argv);
  }
}

void Effects::push(int db, std::span<const std::string_view> argv, Reach reach) {
  if (wanted()) pending_.push_back({db, reach, OwnedCommand(argv)});
}

void Effects::push_last(int db, std::span<const std::string_view> argv, Reach reach) {
  if (!enabled_) return;
  if (pending_.empty()) {
    feed(db, argv, reach);
  } else {
    push(db, argv, reach);
  }
}

void Effects::flush_pending(Wrap wrap) {
  static constexpr std::string_view kMulti[] = {"MULTI"};
  static constexpr std::string_view kExec[] = {"EXEC"};
  const bool wrapped = wrap == Wrap::transaction && pending_.size() > 1;
  // A sink may not produce effects of its own; the list is moved away all the same, so that one that did is not lost.
  const std::vector<Pending> pending = std::move(pending_);
  pending_.clear();
  // A log that gets none of the effects gets no empty transaction either.
  const auto logged = [](const Pending& effect) { return effect.reach == Reach::all; };
  const Reach reach = std::ranges::any_of(pending, logged) ? Reach::all : Reach::replicas;
  // MULTI belongs to the first command's database: SELECT comes before it, as Redis has it.
  const auto first = std::ranges::find_if(pending, [](const Pending& effect) { return effect.db >= 0; });
  if (wrapped) feed(first == pending.end() ? -1 : first->db, kMulti, reach);
  for (const Pending& effect : pending) {
    effect.command.views(scratch_);
    feed(effect.db, scratch_, effect.reach);
  }
  if (wrapped) feed(-1, kExec, reach);
}

}  // namespace holdfast::node

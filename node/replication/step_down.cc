#include "node/replication/step_down.h"

#include <algorithm>

#include "common/base/text.h"

namespace holdfast::node {

namespace {

// The value of one line of INFO, "" when there is none.
std::string_view info_field(std::string_view info, std::string_view name) {
  for (std::string_view line : split(info, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) return line.substr(name.size() + 1);
  }
  return {};
}

}  // namespace

StepDown::Group* StepDown::group_of(std::string_view name) {
  const auto found = std::ranges::find(groups_, name, &Group::name);
  return found == groups_.end() ? nullptr : &*found;
}

void StepDown::note_ours(const Hello& hello) {
  if (Group* group = group_of(hello.primary_name)) {
    group->epoch = std::max(group->epoch, hello.config_epoch);
    return;
  }
  groups_.push_back({hello.primary_name, hello.config_epoch});
  if (groups_.size() > kMostGroups) groups_.pop_front();
}

void StepDown::note_replicas(std::span<const Endpoint> replicas) {
  for (const Endpoint& replica : replicas) {
    if (std::ranges::find(replicas_, replica) != replicas_.end()) continue;
    replicas_.push_back(replica);
    if (replicas_.size() > kMostReplicas) replicas_.pop_front();
  }
}

std::optional<Endpoint> StepDown::heard(const Hello& hello, bool names_us, std::span<const Endpoint> replicas,
                                        Instant now) {
  note_replicas(replicas);
  if (names_us) {
    note_ours(hello);
    return std::nullopt;
  }
  const Group* group = group_of(hello.primary_name);
  if (group == nullptr || hello.config_epoch <= group->epoch || looking_ || now < not_before_) return std::nullopt;
  if (std::ranges::find(replicas_, hello.primary) == replicas_.end()) return std::nullopt;
  Announcement announced{hello.primary_name, hello.config_epoch, hello.primary};
  if (announced != looked_at_) {
    looked_at_ = std::move(announced);
    looks_ = 0;
  }
  if (looks_ == kMostLooks) return std::nullopt;
  ++looks_;
  looking_ = true;
  return hello.primary;
}

Result<> StepDown::confirm(std::span<const resp::Reply> answers, const HistoryPosition& own) {
  for (const resp::Reply& answer : answers) {
    if (answer.is_error()) return fail("{}", answer.text);
  }
  if (answers.size() != 2 || answers[0].items.empty() || !answers[1].is_text())
    return fail("it answered something else");
  if (const std::string& role = answers[0].items[0].text; role != "master")
    return fail("it says that it is a {}", role);
  const std::string_view info = answers[1].text;
  const auto switched_at = parse_int64(info_field(info, "second_repl_offset"));
  if (info_field(info, "master_replid2") != own.id.view() || !switched_at) {
    return fail("its data does not descend from this node's");
  }
  // The offset is that of the first byte which is not of our history: the one behind all that we have, at most.
  if (*switched_at < 0 || *switched_at > own.offset + 1)
    return fail("it claims more of this node's history than there is");
  return {};
}

void StepDown::failed(Instant now) {
  looking_ = false;
  not_before_ = now + kPause;
}

}  // namespace holdfast::node
